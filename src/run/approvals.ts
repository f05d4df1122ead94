/** Whether a person must approve a call: what its tool says, then the agent's rules, then the executor's. */
import type { ToolCallPart } from "../ports/messages.ts";
import type { Tool } from "../ports/tools.ts";
import type { ApprovalContext, ApprovalRequested, ApprovalTerms, ApprovalVerdict } from "../ports/waiting.ts";
import { inTime } from "./in-time.ts";
import { lastRule } from "./permission.ts";
import type { Session } from "./session.ts";
import { waitId } from "./wait-id.ts";

/** A call whose arguments have been checked. */
export interface CheckedCall {
  readonly call: string;
  readonly part: ToolCallPart;
  readonly tool: Tool;
  readonly input: unknown;
}

export type Clearance =
  | { readonly type: "run" }
  | { readonly type: "ask"; readonly request: ApprovalRequested }
  | { readonly type: "denied"; readonly message: string };

const RUN: Clearance = { type: "run" };

/** Undefined without a wait where nobody has said anything about approvals, which is the common case. */
export function clear(session: Session, checked: CheckedCall): Promise<Clearance> | undefined {
  const { permission } = session.ports;
  const { approval } = checked.tool;
  if (approval === undefined && permission === undefined && session.state.agent.permission === undefined) return undefined;
  return decide(session, checked);
}

async function decide(session: Session, checked: CheckedCall): Promise<Clearance> {
  const { name } = checked.tool;
  const rule = lastRule(name, session.state.agent.permission, session.ports.permission);
  if (rule === "deny") return { type: "denied", message: `Not run: a rule forbids ${name} in this run.` };
  if (rule === "allow" || session.state.approvedTools.includes(name)) return RUN;
  const terms = await termsOf(session, checked);
  if (rule !== "ask" && !terms.required) return RUN;
  return { type: "ask", request: toRequest(session, checked.call, terms) };
}

/** Fails closed: a policy that throws, hangs or says something else asks a person. */
async function termsOf(session: Session, { tool, input, call, part }: CheckedCall): Promise<ApprovalTerms> {
  const { approval } = tool;
  if (typeof approval !== "function") return toTerms(approval ?? "never");
  const { caller, channel, tenant } = session.state.request;
  const context: ApprovalContext = {
    run: session.run,
    call,
    toolCallId: part.toolCallId,
    ...(caller === undefined ? {} : { caller }),
    ...(channel === undefined ? {} : { channel }),
    ...(tenant === undefined ? {} : { tenant }),
    resultsSeen: () => resultsSeen(session),
  };
  try {
    return toTerms(await inTime(session, () => approval(input, context)));
  } catch (error) {
    return { required: true, reason: `its approval policy failed: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** From the journal, so it is the same in every attempt, and a compaction takes nothing out of it. */
function resultsSeen({ steps, state }: Session): readonly string[] {
  const calls = steps.views(state).flatMap((step) => step.calls.filter(({ outcome }) => outcome !== undefined));
  return [...new Set(calls.map(({ name }) => name))];
}

function toTerms(verdict: ApprovalVerdict): ApprovalTerms {
  if (verdict === false || verdict === "never") return { required: false };
  if (verdict === true || verdict === "always") return { required: true };
  if (typeof verdict === "object" && verdict !== null && typeof verdict.required === "boolean") return verdict;
  return { required: true, reason: "its approval policy gave no answer that is understood" };
}

function toRequest(session: Session, call: string, { reason, deadlineMs, onDeadline }: ApprovalTerms): ApprovalRequested {
  const deadlineAt = deadlineMs === undefined ? undefined : session.now().at + deadlineMs;
  return {
    type: "approval.requested",
    call,
    approval: waitId(session.run, call, 0),
    ...(reason === undefined ? {} : { reason }),
    ...(deadlineAt === undefined ? {} : { deadlineAt, onDeadline: onDeadline ?? "deny" }),
  };
}
