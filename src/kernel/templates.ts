/** Texts with places for what comes later: `{{Name}}` or `{{.Name}}`. */

const PLACE = /\\?\{\{\s*\.?([A-Za-z_][\w-]*)\s*\}\}/g;

/** The names a template refers to, each once. */
export function namesIn(template: string): readonly string[] {
  const names = new Set<string>();
  for (const [place, name] of template.matchAll(PLACE)) if (!place.startsWith("\\") && name !== undefined) names.add(name);
  return [...names];
}

/** One pass: what is inserted is text, also where it looks like a place. A name without a value stays as it is. */
export function fill(template: string, valueOf: (name: string) => string | undefined): string {
  return template.replaceAll(PLACE, (place, name: string) =>
    place.startsWith("\\") ? place.slice(1) : (valueOf(name) ?? place),
  );
}

/** The template that gives this text. */
export function literally(text: string): string {
  return text.replaceAll(PLACE, "\\$&");
}
