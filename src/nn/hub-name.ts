/** @file Names of backbones on the Hugging Face Hub. */

/** A repository, and one of its branches, tags or commits; undefined: its main branch. */
export interface HubName {
  readonly repo: string;
  readonly revision: string | undefined;
}

/** "organization/name" or "organization/name@revision"; undefined if it can't be one. */
export function hubNameOf(name: string): HubName | undefined {
  const [, repo, revision] = /^([\w-][\w.-]*\/[\w.-]+)(?:@(.+))?$/.exec(name) ?? [];
  return repo === undefined ? undefined : { repo, revision };
}
