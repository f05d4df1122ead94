import { describe, it } from "vitest";
import { blobsConformance } from "../../testing/blobs-conformance.ts";
import { createMemoryBlobs } from "./memory.ts";

blobsConformance({ describe, it }, "memory", async () => ({ blobs: createMemoryBlobs() }));
