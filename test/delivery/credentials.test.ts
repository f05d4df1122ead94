import { afterEach, expect, it, vi } from "vitest";
import { credentialOf, withoutSecrets } from "../../src/adapters/delivery/credentials.ts";

afterEach(() => vi.unstubAllEnvs());

it("S41 takes credentials from variables with the prefix of deliveries, and from no others", () => {
  vi.stubEnv("EXECUTUS_DELIVERY_TEAM_A", "hidden");
  vi.stubEnv("TEAM_B", "other");
  expect(credentialOf({ kind: "slack", credential: "team-a" }, {})).toBe("hidden");
  expect(() => credentialOf({ kind: "slack", credential: "TEAM_B" }, {})).toThrow("no credential TEAM_B");
  expect(() => credentialOf({ kind: "slack" }, {})).toThrow(expect.objectContaining({ hint: "Set EXECUTUS_DELIVERY_SLACK." }));
});

it("S41 takes secrets out of what others say", () => {
  expect(withoutSecrets("bad token xoxb-123456, xoxb-123456!", ["xoxb-123456", ""])).toBe(
    "bad token [credential], [credential]!",
  );
});
