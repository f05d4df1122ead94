/** executus/delivery: where outcomes of runs can go. One adapter per kind of target; give the executor those it may use. */
export { webhook, type WebhookOptions } from "./adapters/delivery/webhook.ts";
export { file, type FileOptions } from "./adapters/delivery/file.ts";
export { slack, type SlackOptions } from "./adapters/delivery/slack.ts";
export { discord } from "./adapters/delivery/discord.ts";
export { teams } from "./adapters/delivery/teams.ts";
export {
  giteaComment,
  type GiteaOptions,
  githubComment,
  type GithubOptions,
  type IssueCommentOptions,
} from "./adapters/delivery/issue-comment.ts";
export { email, type EmailOptions } from "./adapters/delivery/email.ts";
export { type CredentialOptions, type Credentials, environmentCredentials } from "./adapters/delivery/credentials.ts";
