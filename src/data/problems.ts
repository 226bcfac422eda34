/** @file Everything that is wrong with some data, found in one look. */
import { InputError } from "../tensor/errors.ts";

/** Several things the user has to mend; the message tells the first and counts the others. */
class DataProblemsError extends InputError {
  /** One line each: what, where, what was expected, what to do. At least one. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const others = problems.length - 1;
    const more = others === 1 ? "1 more problem" : `${others} more problems`;
    super(others === 0 ? problems[0] : `${problems[0]} (and ${more}: fmlora data check lists them)`);
    this.problems = problems;
  }
}

/** The problems that an error stands for. */
export const problemsOf = (error: InputError): readonly string[] =>
  error instanceof DataProblemsError ? error.problems : [error.message];

/** Collects problems where one does not hinder looking for the next. */
export class Findings {
  /** Without repetition: four lists may lie in one broken archive. */
  private readonly lines = new Set<string>();

  add(problem: string): void {
    this.lines.add(problem);
  }

  /** What `look` returns; undefined if it threw an InputError, whose problems are kept. */
  of<T>(look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      return this.keep(error);
    }
  }

  /** The same for a promise. */
  async ofAsync<T>(look: () => Promise<T>): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      return this.keep(error);
    }
  }

  private keep(error: unknown): undefined {
    if (!(error instanceof InputError)) throw error;
    for (const problem of problemsOf(error)) this.lines.add(problem);
  }

  get none(): boolean {
    return this.lines.size === 0;
  }

  /** @throws DataProblemsError if there are any */
  stop(): void {
    if (!this.none) throw new DataProblemsError([...this.lines]);
  }
}
