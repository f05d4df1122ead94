/** Faults that take two processes and a bad day to show: the simulation finds them, within the seeds that the tests play. */
import type { Fault } from "./fault.ts";

const SIMULATION = ["test/simulate.test.ts"];

export const SIMULATED_FAULTS: readonly Fault[] = [
  {
    name: "begun-run-goes-on-without-a-place",
    breaks: "No more runs of a lane are driven than it allows, also of those that waited and go on",
    file: "src/run/takeover.ts",
    find: "code.isEnding ? undefined : slotOf(core, before.state)",
    replace: "code.isEnding || !before.state.queued ? undefined : slotOf(core, before.state)",
    tests: SIMULATION,
  },
  {
    name: "fork-stands-in-the-lane",
    breaks: "P5: a fork of a queued run is in no queue, and begins",
    file: "src/run/fork.ts",
    find: "    lane: _lane,\n",
    replace: "",
    tests: ["test/driver/fork.test.ts", ...SIMULATION],
  },
  {
    name: "lost-call-keeps-its-reservation",
    breaks: "P6: what was reserved for a call that was lost with its process counts as used",
    file: "src/run/ledger.ts",
    find: "if (before.model.inFlight && !after.model.inFlight) {",
    replace: 'if (before.model.inFlight && !after.model.inFlight && event.type !== "attempt.started") {',
    tests: SIMULATION,
  },
  {
    name: "retried-call-reserves-nothing",
    breaks: "P6: each attempt at a model call reserves before it spends",
    file: "src/run/ledger.ts",
    find: 'if (event.type === "model.started") this.#reserve',
    replace: 'if (event.type === "model.started" && event.attempt === 1) this.#reserve',
    tests: SIMULATION,
  },
  {
    name: "cleanup-only-in-the-journal",
    breaks: "T2: what an opening left is cleaned up before the end",
    file: "src/run/settle-source.ts",
    find: "  await attempt(() => source?.cleanup?.(identityOf(session, state, stopper.signal)));\n",
    replace: "",
    tests: SIMULATION,
  },
  {
    name: "source-told-of-the-end-again",
    breaks: "S30: an afterRun that is journaled is not repeated",
    file: "src/kernel/decide-sources.ts",
    find: "source.wantsEnding && !source.settled",
    replace: "source.wantsEnding && !source.closed && state.fruitless < 3",
    tests: SIMULATION,
  },
  {
    name: "opening-beside-another",
    breaks: "What a process has opened of a source it closes",
    file: "src/run/open-source.ts",
    find: "  await session.desk?.opening.get(state.name);\n",
    replace: "",
    tests: ["test/driver/stopped-openings.test.ts"],
  },
  {
    name: "repeated-delivery-counts-as-arrived",
    breaks: "P10: what is said to be delivered has arrived",
    file: "src/run/deliverer.ts",
    find: '    if (report.outcome === "delivered") {',
    replace: '    if (report.outcome === "delivered" || row.attempts > 1) {',
    tests: SIMULATION,
  },
  {
    name: "loss-not-noticed-while-waiting-for-a-child",
    breaks: "P4: who has lost a run lets go of it, also when it has nothing to write",
    file: "src/run/children.ts",
    find: '    if (heard === "quiet") await this.#noticeLoss();\n',
    replace: "",
    tests: ["test/driver/takeover.test.ts"],
  },
];
