import { expect, test } from "vitest";
import { isSupportedUrl } from "./supported-urls.ts";

test.each([
  [{ "image/*": [/^https:/] }, "image/png", "https://x/a", true],
  [{ "image/*": [/^https:/] }, "image/png", "http://x/a", false],
  [{ "image/*": [/^https:/] }, "text/plain", "https://x/a", false],
  [{ "application/pdf": [/^https:/] }, "Application/PDF", "HTTPS://X/A", true],
  [{ "*": [/example/] }, "video/mp4", "https://example/a", true],
  [{ "*/*": [/example/] }, "video/mp4", "https://other/a", false],
  [{ "*": [/./] }, "video/mp4", "no address", false],
  [{}, "image/png", "https://x/a", false],
])("%j takes %s at %s: %s", (supported, mediaType, url, expected) => {
  expect(isSupportedUrl(mediaType, url, supported)).toBe(expected);
});
