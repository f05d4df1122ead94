/** executus/mcp: servers of the Model Context Protocol as tool sources. */
export { mcpServer, mcpServersFrom, type McpOptions } from "./adapters/tools/mcp.ts";
export { type McpHttpServer, type McpServer, type McpStdioServer, readMcpFile } from "./adapters/tools/mcp-config.ts";
