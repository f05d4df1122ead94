/** Rules about tools by name: who may do what without a person. */
import { ExecutusError } from "../kernel/errors.ts";
import { matchesPattern } from "../kernel/patterns.ts";
import type { Permission, PermissionRule } from "../ports/definition.ts";

const RULES: readonly unknown[] = ["allow", "ask", "deny"] satisfies readonly PermissionRule[];

/** Gives the rules back, or throws `usage`: a rule that is misspelt must not let anything through. */
export function checkPermission(permission: Permission): Permission {
  for (const [pattern, rule] of Object.entries(permission)) {
    if (pattern !== "" && RULES.includes(rule)) continue;
    throw new ExecutusError("usage", `the permission ${JSON.stringify(pattern)}: ${JSON.stringify(rule)} is not understood`, {
      hint: 'Write name patterns with allow, ask or deny, for example { "*": "ask", "read_*": "allow" }.',
    });
  }
  return permission;
}

/** The last rule that fits, of the later source if both have one. */
export function lastRule(name: string, ...sources: readonly (Permission | undefined)[]): PermissionRule | undefined {
  let last: PermissionRule | undefined;
  for (const rules of sources) {
    for (const pattern in rules) if (matchesPattern(pattern, name)) last = rules[pattern];
  }
  return last;
}
