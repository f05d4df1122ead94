/**
 * Builds the prompt of a call from that of the call before.
 *
 * Conversations grow at the end, so a call converts what is new and copies the rest: one array copy per call, whatever the
 * length. Plain messages are not converted at all but passed on as they are.
 */
import { ModelCallError } from "../../kernel/model-error.ts";
import type { Blobs } from "../../ports/blobs.ts";
import type { JsonObject } from "../../ports/json.ts";
import type { AssistantPart, FileData, Message, UserPart } from "../../ports/messages.ts";
import type { LanguageModel, PromptMessage, SpecVersion, SupportedUrls } from "./language-model.ts";
import { type PromptContext, toPromptMessage } from "./prompt-parts.ts";
import { familyOf, type ProviderFamily } from "./provider-family.ts";
import { isJsonObject } from "./to-json.ts";

export interface PromptSource {
  readonly id: string;
  readonly version: SpecVersion;
  readonly model: LanguageModel;
  readonly blobs: Blobs | undefined;
}

/** What was converted so far of the conversation that begins with a certain message. */
interface Conversation {
  /** The array these came in. */
  source: readonly Message[] | undefined;
  readonly messages: Message[];
  readonly prompt: PromptMessage[];
  /** Length of the prompt after each message: some leave nothing. */
  readonly ends: number[];
}

/** What had to be fetched before the parts of a prompt could be built. */
interface Fetched {
  bytes?: ReadonlyMap<string, Uint8Array>;
  urls?: SupportedUrls;
}

export class PromptCache {
  readonly #source: PromptSource;
  readonly #family: ProviderFamily;
  /** By first message: it lives as long as the run's own state does. */
  readonly #conversations = new WeakMap<Message, Conversation>();

  constructor(source: PromptSource) {
    this.#source = source;
    this.#family = familyOf(source.model.provider);
  }

  /** The messages as the model takes them, the instructions first. The array is the caller's own. */
  toPrompt(
    instructions: string,
    messages: readonly Message[],
    instructionsProviderOptions?: JsonObject,
  ): PromptMessage[] | Promise<PromptMessage[]> {
    const hints = instructionsProviderOptions === undefined ? {} : { providerOptions: instructionsProviderOptions };
    const system = { role: "system", content: instructions, ...hints };
    const head: PromptMessage[] = instructions === "" ? [] : [system];
    const [first] = messages;
    if (first === undefined) return head;
    const conversation = this.#conversationOf(first);
    const from = knownLength(conversation, messages);
    const files = missing(messages, from, {});
    if (files.length > 0) return this.#withFiles(head, conversation, { messages, files });
    extend(conversation, messages, from, this.#contextOf({}));
    return head.concat(conversation.prompt);
  }

  async #withFiles(
    head: readonly PromptMessage[],
    conversation: Conversation,
    { messages, files }: { readonly messages: readonly Message[]; readonly files: readonly FileData[] },
  ): Promise<PromptMessage[]> {
    const fetched: Fetched = {};
    let from = 0;
    // Repeated, because a call for a fork of this conversation may move the known part while files are read.
    for (let wanted = files; wanted.length > 0; wanted = missing(messages, from, fetched)) {
      await this.#fetch(wanted, fetched);
      from = knownLength(conversation, messages);
    }
    extend(conversation, messages, from, this.#contextOf(fetched));
    return head.concat(conversation.prompt);
  }

  #contextOf({ urls = NO_URLS, bytes = NO_BYTES }: Fetched): PromptContext {
    const { id, version } = this.#source;
    return { id, version, family: this.#family, urls, bytes };
  }

  #conversationOf(first: Message): Conversation {
    const known = this.#conversations.get(first);
    if (known !== undefined) return known;
    const fresh: Conversation = { source: undefined, messages: [], prompt: [], ends: [] };
    this.#conversations.set(first, fresh);
    return fresh;
  }

  async #fetch(files: readonly FileData[], fetched: Fetched): Promise<void> {
    const { id, model, blobs } = this.#source;
    fetched.urls ??= (await model.supportedUrls) ?? {};
    const bytes = new Map(fetched.bytes);
    fetched.bytes = bytes;
    for (const file of files) {
      if (file.type !== "blob" || bytes.has(file.hash)) continue;
      if (blobs === undefined) throw new ModelCallError("model_unsupported", `${id}: ${NO_STORE} (${file.hash.slice(0, 12)})`);
      bytes.set(file.hash, await blobs.get(file.hash));
    }
  }
}

const NO_URLS: SupportedUrls = {};
const NO_BYTES: ReadonlyMap<string, Uint8Array> = new Map();
const NO_STORE = "the conversation has a stored file and no blob store was given to read it from";

/** How many messages from the start on are the very objects that were converted before. */
function knownLength(conversation: Conversation, messages: readonly Message[]): number {
  const known = conversation.messages;
  // A run hands over its own array every time, and that only ever grows.
  if (conversation.source === messages) return Math.min(known.length, messages.length);
  const most = Math.min(known.length, messages.length);
  let length = 0;
  // Four at a time: this is the only work per call that grows with the conversation, and half as long this way.
  while (length + 4 <= most && haveSameFour(known, messages, length)) length += 4;
  while (length < most && known[length] === messages[length]) length++;
  return length;
}

function haveSameFour(a: readonly Message[], b: readonly Message[], at: number): boolean {
  return a[at] === b[at] && a[at + 1] === b[at + 1] && a[at + 2] === b[at + 2] && a[at + 3] === b[at + 3];
}

function extend(conversation: Conversation, messages: readonly Message[], from: number, context: PromptContext): void {
  const { messages: known, prompt, ends } = conversation;
  conversation.source = messages;
  // All of them before anything is changed: one that cannot be converted leaves what is known as it was.
  const added = messages.slice(from).map((message) => toPromptMessage(message, context));
  if (known.length > from) {
    known.length = from;
    ends.length = from;
    prompt.length = ends[from - 1] ?? 0;
  }
  for (const [i, converted] of added.entries()) {
    if (converted !== undefined) prompt.push(converted);
    known.push(messages[from + i] as Message);
    ends.push(prompt.length);
  }
}

function missing(messages: readonly Message[], from: number, fetched: Fetched): readonly FileData[] {
  const files: FileData[] = [];
  for (let index = from; index < messages.length; index++) {
    for (const part of messages[index]?.content ?? []) collectFiles(part, files);
  }
  return files.filter((file) => (file.type === "blob" ? fetched.bytes?.has(file.hash) !== true : fetched.urls === undefined));
}

function collectFiles(part: AssistantPart | UserPart, files: FileData[]): void {
  switch (part.type) {
    case "file":
      if (part.data.type !== "text") files.push(part.data);
      break;
    case "tool-result":
      if (part.output.type === "content") for (const item of part.output.value) collectFiles(item, files);
      break;
    case "opaque":
      if (isJsonObject(part.part["data"])) files.push(part.part["data"] as unknown as FileData);
      break;
    case "text":
    case "reasoning":
    case "tool-call":
      break;
  }
}
