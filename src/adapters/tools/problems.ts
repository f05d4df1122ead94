/** Says what is wrong with a model's arguments: short, by field, so that the model can put it right. */
import type { StandardIssue } from "./schema-types.ts";

const MOST_PROBLEMS = 5;
const LONGEST_PROBLEM = 200;

/** `items.0.count: must be number`, several joined by `; `, the rest counted. */
export function describeProblems(problems: readonly string[]): string {
  const distinct = [...new Set(problems)];
  const shown = distinct.slice(0, MOST_PROBLEMS).map((problem) => shorten(problem));
  const rest = distinct.length - shown.length;
  return `${shown.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`;
}

/** One issue of a Standard Schema. */
export function describeIssue(issue: StandardIssue): string {
  const path = (issue.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment));
  return atPath(path, issue.message);
}

/** A problem with the field it concerns; the whole input has no field. */
export function atPath(path: readonly string[], message: string): string {
  return path.length === 0 ? message : `${path.join(".")}: ${message}`;
}

function shorten(problem: string): string {
  return problem.length <= LONGEST_PROBLEM ? problem : `${problem.slice(0, LONGEST_PROBLEM - 3)}...`;
}
