import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { LookupAddress } from "node:dns";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isExecutusError } from "../../kernel/errors.ts";
import { guardedFetch, guardedLookup, type Resolve } from "./guarded-fetch.ts";
import { REFUSED_ADDRESSES } from "../../../test/support/refused-addresses.ts";
import { isPublicAddress } from "./public-address.ts";

let server: Server;
let port: number;
/** Requests that got through: what must not be reached must not appear here. */
let reached: { readonly url: string; readonly headers: NodeJS.Dict<string | string[]> }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    reached.push({ url: request.url ?? "", headers: request.headers });
    const [path, query = ""] = (request.url ?? "").split("?");
    if (path === "/to") return response.writeHead(302, { location: decodeURIComponent(query) }).end();
    if (path === "/long") return response.end(Buffer.alloc(5_000));
    if (path === "/endless") {
      response.on("close", () => clearInterval(timer));
      const timer = setInterval(() => response.write(Buffer.alloc(1_000)), 1);
      return undefined;
    }
    if (path === "/silent") return undefined;
    return response.end(`hello ${request.method}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});

beforeEach(() => {
  reached = [];
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Every name of the table; what is not here has no address. */
const NAMES: Readonly<Record<string, readonly LookupAddress[]>> = {
  "loopback.test": [{ address: "127.0.0.1", family: 4 }],
  "loopback6.test": [{ address: "::1", family: 6 }],
  "metadata.test": [{ address: "169.254.169.254", family: 4 }],
  "private.test": [{ address: "10.1.2.3", family: 4 }],
  "mixed.test": [
    { address: "93.184.215.14", family: 4 },
    { address: "127.0.0.1", family: 4 },
  ],
  "mapped.test": [{ address: "::ffff:127.0.0.1", family: 6 }],
  "nat64.test": [{ address: "64:ff9b::7f00:1", family: 6 }],
  "nowhere.test": [],
};
const resolve: Resolve = (hostname) => Promise.resolve(NAMES[hostname] ?? []);

async function codeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return "reached";
  } catch (error) {
    return isExecutusError(error) ? error.code : `thrown: ${String(error)}`;
  }
}

describe("what may not be reached", () => {
  it.each(REFUSED_ADDRESSES)("%j is refused", async (address) => {
    expect(await codeOf(guardedFetch(address.replace("PORT", String(port)), { resolve }))).toBe("url_refused");
    expect(reached).toEqual([]);
  });

  it("is not reached through a redirect either", async () => {
    const allowedHosts = [`127.0.0.1:${port}`];
    const targets = [
      "http://[::1]/x",
      `http://loopback.test:${port}/x`,
      "http://169.254.169.254/",
      "file:///etc/passwd",
      "//10.0.0.1/",
    ];
    for (const target of targets) {
      const address = `http://127.0.0.1:${port}/to?${encodeURIComponent(target)}`;
      expect(await codeOf(guardedFetch(address, { resolve, allowedHosts }))).toBe("url_refused");
    }
    expect(reached.every(({ url }) => url.startsWith("/to?"))).toBe(true);
  });

  it("does not become reachable by asking for its name twice: what was checked is what is connected to", async () => {
    const answers = ["93.184.215.14", "127.0.0.1"];
    const rebinding: Resolve = async () => [{ address: answers.shift() ?? "", family: 4 }];
    const lookup = guardedLookup(rebinding, isPublicAddress);
    const ask = (): Promise<unknown> =>
      new Promise((resolve) =>
        lookup("rebind.test", { all: true }, (error, address) => resolve(isExecutusError(error) ? error.code : address)),
      );
    expect(await ask()).toEqual([{ address: "93.184.215.14", family: 4 }]);
    expect(await ask()).toBe("url_refused");
  });

  it("is refused when one of a name's addresses is not public, whichever is the first", async () => {
    const [open, inside] = [
      { address: "93.184.215.14", family: 4 },
      { address: "10.0.0.1", family: 4 },
    ];
    for (const found of [
      [open, inside],
      [inside, open],
    ]) {
      const lookup = guardedLookup(async () => found, isPublicAddress);
      const code = await new Promise((resolve) =>
        lookup("both.test", { all: true }, (error) => resolve(isExecutusError(error) ? error.code : error)),
      );
      expect(code).toBe("url_refused");
    }
  });

  it("is refused with a user name, with a password, and with both", async () => {
    for (const who of ["user", ":password", "user:password"]) {
      expect(await codeOf(guardedFetch(`http://${who}@127.0.0.1:${port}/`, { allowedHosts: ["127.0.0.1"] }))).toBe("url_refused");
    }
    expect(reached).toEqual([]);
  });

  it("is public again one address further", () => {
    const neighbours = ["11.0.0.0", "172.32.0.0", "100.128.0.0", "169.255.0.0", "192.169.0.0", "223.255.255.255", "2a00::1"];
    expect(neighbours.filter((address) => !isPublicAddress(address))).toEqual([]);
    expect(["fe80::1%eth0", "2a00::1%eth0", "example.org", ""].filter(isPublicAddress)).toEqual([]);
  });

  /** First and last of each, and the addresses beside them that are public; none where another such net is. */
  it.each([
    ["0.0.0.0/8", "0.0.0.0", "0.255.255.255", ["1.0.0.0"]],
    ["10.0.0.0/8", "10.0.0.0", "10.255.255.255", ["9.255.255.255", "11.0.0.0"]],
    ["100.64.0.0/10", "100.64.0.0", "100.127.255.255", ["100.63.255.255", "100.128.0.0"]],
    ["127.0.0.0/8", "127.0.0.0", "127.255.255.255", ["126.255.255.255", "128.0.0.0"]],
    ["168.63.129.16", "168.63.129.16", "168.63.129.16", ["168.63.129.15", "168.63.129.17"]],
    ["169.254.0.0/16", "169.254.0.0", "169.254.255.255", ["169.253.255.255", "169.255.0.0"]],
    ["172.16.0.0/12", "172.16.0.0", "172.31.255.255", ["172.15.255.255", "172.32.0.0"]],
    ["192.0.0.0/24", "192.0.0.0", "192.0.0.255", ["191.255.255.255", "192.0.1.0"]],
    ["192.0.2.0/24", "192.0.2.0", "192.0.2.255", ["192.0.1.255", "192.0.3.0"]],
    ["192.88.99.0/24", "192.88.99.0", "192.88.99.255", ["192.88.98.255", "192.88.100.0"]],
    ["192.168.0.0/16", "192.168.0.0", "192.168.255.255", ["192.167.255.255", "192.169.0.0"]],
    ["198.18.0.0/15", "198.18.0.0", "198.19.255.255", ["198.17.255.255", "198.20.0.0"]],
    ["198.51.100.0/24", "198.51.100.0", "198.51.100.255", ["198.51.99.255", "198.51.101.0"]],
    ["203.0.113.0/24", "203.0.113.0", "203.0.113.255", ["203.0.112.255", "203.0.114.0"]],
    ["224.0.0.0/4 and 240.0.0.0/4", "224.0.0.0", "255.255.255.255", ["223.255.255.255"]],
    ["2001::/23", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:200::"]],
    ["2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:db7:ffff::", "2001:db9::"]],
    ["2002::/16", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:ffff::", "2003::"]],
    ["3fff::/20", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", ["3ffe:ffff::", "3fff:1000::"]],
    ["what is not 2000::/3", "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2000::"]],
    ["what is not 2000::/3, behind it", "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", []],
  ])("%s is not public, and what lies beside it is", (_net, first, last, beside) => {
    expect([first, last].filter(isPublicAddress)).toEqual([]);
    expect(beside.filter((address) => !isPublicAddress(address))).toEqual([]);
  });

  it("is not reached over a connection that somebody opened who may", async () => {
    const address = `http://loopback.test:${port}/`;
    const { bytes } = await guardedFetch(address, { resolve, allowedHosts: ["loopback.test"] });
    expect(Buffer.from(bytes).toString()).toBe("hello GET");
    expect(await codeOf(guardedFetch(address, { resolve }))).toBe("url_refused");
    expect(reached).toHaveLength(1);
  });

  it("says what was refused without the parts that may be secret", async () => {
    const message = await guardedFetch("http://127.0.0.1/hook/x?token=canary", {}).catch((error: Error) => error.message);
    expect(message).toBe("http://127.0.0.1/hook/x may not be reached: 127.0.0.1 is not an address of the open internet");
  });
});

describe("what may be reached", () => {
  const local = (path: string): string => `http://127.0.0.1:${port}${path}`;

  it("is on the list of allowed hosts, with or without a port, as an address or a name", async () => {
    for (const [host, allowed] of [
      ["127.0.0.1", "127.0.0.1"],
      ["127.0.0.1", `127.0.0.1:${port}`],
      ["loopback.test", "loopback.test"],
      ["loopback.test", `loopback.test:${port}`],
    ]) {
      const response = await guardedFetch(`http://${host}:${port}/`, { resolve, allowedHosts: [allowed ?? ""] });
      expect(Buffer.from(response.bytes).toString()).toBe("hello GET");
    }
    expect(await codeOf(guardedFetch(local("/"), { allowedHosts: ["127.0.0.1:1"] }))).toBe("url_refused");
  });

  it("may be only https", async () => {
    const options = { allowedHosts: ["127.0.0.1"], protocols: ["https:"] } as const;
    expect(await codeOf(guardedFetch(local("/"), options))).toBe("url_refused");
  });

  it("gets the caller's headers only at the origin they were meant for", async () => {
    const headers = { authorization: "Bearer canary", "x-own": "canary" };
    const target = encodeURIComponent(`http://loopback.test:${port}/there`);
    const allowedHosts = ["127.0.0.1", "loopback.test"];
    const response = await guardedFetch(local(`/to?${target}`), { headers, resolve, allowedHosts });
    expect(response.url).toBe(`http://loopback.test:${port}/there`);
    expect(reached.map((request) => JSON.stringify(request.headers).includes("canary"))).toEqual([true, false]);
  });

  it("is redirected a bounded number of times, and never with a body", async () => {
    const loop = local("/to?/to");
    const allowedHosts = ["127.0.0.1"];
    expect(await codeOf(guardedFetch(loop, { allowedHosts, redirects: 0 }))).toBe("url_refused");
    const posted = await guardedFetch(local("/to?/x"), { allowedHosts, method: "POST", body: "{}" });
    expect([posted.status, reached.length]).toEqual([302, 2]);
  });

  it("is bounded in bytes, announced or not, and in time", async () => {
    const allowedHosts = ["127.0.0.1"];
    expect(await codeOf(guardedFetch(local("/long"), { allowedHosts, maxBytes: 4_999 }))).toBe("url_too_large");
    expect((await guardedFetch(local("/long"), { allowedHosts, maxBytes: 5_000 })).bytes.length).toBe(5_000);
    expect(await codeOf(guardedFetch(local("/endless"), { allowedHosts, maxBytes: 10_000 }))).toBe("url_too_large");
    expect(await codeOf(guardedFetch(local("/silent"), { allowedHosts, timeoutMs: 20 }))).toBe("url_failed");
  });

  it("stops when the caller does, with the caller's reason", async () => {
    const controller = new AbortController();
    const asked = guardedFetch(local("/silent"), { allowedHosts: ["127.0.0.1"], signal: controller.signal });
    const reason = new Error("not needed any more");
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  it("is said to be out of reach when it is", async () => {
    const options = { resolve, allowedHosts: ["nowhere.test"] };
    await expect(guardedFetch("http://nowhere.test/", options)).rejects.toMatchObject({ code: "url_failed", retryable: true });
  });
});
