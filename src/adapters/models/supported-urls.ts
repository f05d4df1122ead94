/** Which files a provider fetches by itself. */
import type { SupportedUrls } from "./language-model.ts";

/** Keys are media types, `image/*`, `*` or `*` over `*`; values match the URL in lower case. */
export function isSupportedUrl(mediaType: string, url: string, supported: SupportedUrls): boolean {
  if (!URL.canParse(url)) return false;
  const type = mediaType.toLowerCase();
  const address = url.toLowerCase();
  return Object.entries(supported).some(
    ([pattern, addresses]) => coversType(pattern.toLowerCase(), type) && addresses.some((allowed) => allowed.test(address)),
  );
}

function coversType(pattern: string, mediaType: string): boolean {
  if (pattern === "*" || pattern === "*/*") return true;
  return pattern.endsWith("*") ? mediaType.startsWith(pattern.slice(0, -1)) : mediaType === pattern;
}
