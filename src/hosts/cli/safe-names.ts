/** Names that a model, a tool or a server chose, as names of files in one folder. */

/** In bytes, as most disks count; what is put behind a name that comes twice has room, too. */
const LONGEST = 200;

/** What Windows takes for a device, with any ending. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$|clock\$)(\.|$)/i;

/** One for each, all different also where upper and lower case are the same; none leads anywhere. */
export function safeNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const safe = safeName(name);
    let unique = safe;
    for (let n = 2; taken.has(folded(unique)); n++) unique = `${n}-${safe}`;
    taken.add(folded(unique));
    return unique;
  });
}

function safeName(name: string): string {
  const plain = name
    .toWellFormed()
    .replaceAll(/[/\\:*?"<>|\p{Cc}\p{Cf}\u2028\u2029]/gu, "_")
    .replace(/^\.+/, "_")
    .replace(/[. ]+$/, "_");
  const short = cut(plain);
  return short === "" || DEVICE.test(short) ? `_${short}` : short;
}

function cut(name: string): string {
  let short = name.slice(0, LONGEST);
  while (Buffer.byteLength(short) > LONGEST) short = short.slice(0, -1);
  return short.toWellFormed().replace(/\uFFFD$/, "");
}

function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}
