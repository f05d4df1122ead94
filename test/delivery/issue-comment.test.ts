import { describe, expect, it } from "vitest";
import { giteaComment, githubComment } from "../../src/adapters/delivery/issue-comment.ts";
import { type Answer, type Asked, deliveryOf, localServer, patience } from "./local-server.ts";

const token = "ghp_1234567890";

/** A repository with one issue and its comments, as the REST interfaces show it. */
function forge(options: { readonly isPaged: boolean; readonly scheme: string }) {
  const comments: { id: number; body: string; html_url: string }[] = [];
  const answer = ({ method, path, json, headers }: Asked): Answer => {
    if (headers.authorization !== `${options.scheme} ${token}`) return { status: 401, body: { message: "Bad credentials" } };
    const url = new URL(path, "http://forge");
    if (url.pathname.endsWith("/repos/octo/tea/issues/12/comments")) {
      if (method === "GET") {
        const page = Number(url.searchParams.get("page"));
        return { body: options.isPaged ? comments.slice((page - 1) * 100, page * 100) : comments };
      }
      const comment = { id: comments.length + 1, body: String(json["body"]), html_url: `http://forge/c/${comments.length + 1}` };
      comments.push(comment);
      return { status: 201, body: comment };
    }
    const [, id] = /\/repos\/octo\/tea\/issues\/comments\/(\d+)$/.exec(url.pathname) ?? [];
    const comment = comments.find((candidate) => String(candidate.id) === id);
    if (method !== "PATCH" || comment === undefined) return { status: 404, body: { message: "Not Found" } };
    comment.body = String(json["body"]);
    return { body: comment };
  };
  return { comments, answer };
}

const target = { kind: "github", id: "octo/tea#12" };

describe.each([
  ["github", true, "Bearer"],
  ["gitea", false, "token"],
] as const)("a comment on %s", (kind, isPaged, scheme) => {
  const adapterFor = (api: string) => {
    const options = { api, credentials: (name: string) => (name === kind ? token : undefined) };
    return kind === "github" ? githubComment(options) : giteaComment(options);
  };
  const on = { ...target, kind };

  it("S41 is made once: an attempt that may have arrived updates it", async () => {
    const { comments, answer } = forge({ isPaged, scheme });
    await using server = await localServer(answer);
    const adapter = adapterFor(`${server.url}/api`);
    const first = await adapter.deliver(deliveryOf(on, "Looks good, @ana."), patience());
    expect(first).toEqual({ outcome: "delivered", receipt: { comment: "1", url: "http://forge/c/1" } });
    expect(comments[0]?.body).toBe("Looks good, @\u200bana.\n\n<!-- executus:r.d0 -->");
    expect(server.asked).toHaveLength(1);
    for (let i = 0; i < 150; i++) comments.push({ id: i + 2, body: "chatter", html_url: "" });
    comments.push(...comments.splice(0, 1));
    expect(await adapter.deliver(deliveryOf(on, "Looks good, @ana.", { attempt: 2 }), patience())).toEqual(first);
    expect(comments).toHaveLength(151);
    await adapter.deliver(deliveryOf(on, "Another.", { id: "s.d0", attempt: 2 }), patience());
    expect(comments).toHaveLength(152);
  });

  it("S41 is shared by runs that ask for one sticky comment", async () => {
    const { comments, answer } = forge({ isPaged, scheme });
    await using server = await localServer(answer);
    const adapter = adapterFor(server.url);
    const sticky = { ...on, options: { sticky: "review" } };
    await adapter.deliver(deliveryOf(sticky, "First."), patience());
    await adapter.deliver(deliveryOf(sticky, "Second.", { id: "s.d0" }), patience());
    expect(comments.map(({ body }) => body)).toEqual(["Second.\n\n<!-- executus:review -->"]);
  });

  it("S41 is cut to what fits, its mark included", async () => {
    const { comments, answer } = forge({ isPaged, scheme });
    await using server = await localServer(answer);
    await adapterFor(server.url).deliver(deliveryOf(on, "x".repeat(100_000)), patience());
    expect(comments[0]?.body.length).toBeLessThan(65_536);
    expect(comments[0]?.body).toContain("<!-- executus:r.d0 -->");
  });
});

it.each([
  [{ status: 401, body: { message: "Bad credentials" } }, { permanent: true }],
  [{ status: 404, body: {} }, { permanent: true }],
  [{ status: 410, body: { message: "Issues are disabled" } }, { permanent: true }],
  [{ status: 301, headers: { location: "https://example.org" } }, { permanent: true }],
  [{ status: 403, headers: { "retry-after": "60" }, body: { message: "secondary rate limit" } }, { retryAfterMs: 60_000 }],
  [{ status: 502 }, { error: "the answer was 502: ok" }],
] as const)("S41 takes %j of GitHub for %j", async (answer, failure) => {
  await using server = await localServer(() => answer);
  const adapter = githubComment({ api: server.url, credentials: () => token });
  expect(await adapter.deliver(deliveryOf(target), patience())).toMatchObject({ outcome: "failed", ...failure });
});

it("S41 waits until GitHub's limit is reset", async () => {
  const reset = Math.ceil(Date.now() / 1_000) + 600;
  const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) };
  await using server = await localServer(() => ({ status: 403, headers, body: { message: "API rate limit exceeded" } }));
  const report = await githubComment({ api: server.url, credentials: () => token }).deliver(deliveryOf(target), patience());
  const waitMs = report.outcome === "failed" ? (report.retryAfterMs ?? 0) : 0;
  expect(waitMs).toBeGreaterThan(500_000);
  expect(report).not.toHaveProperty("permanent");
});

it.each(["octo/tea", "octo#12", "../tea#1", "octo/..#1", "octo/tea#x", "a/b/c#1", undefined])(
  "S41 refuses the issue %j",
  (id) => {
    const adapter = githubComment({ credentials: () => token });
    expect(() => adapter.check?.({ kind: "github", ...(id === undefined ? {} : { id }) })).toThrow("owner/repo#12");
  },
);
