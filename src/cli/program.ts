/** @file The program with the command that was called. */
import { readFileSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { COMMANDS, type ListedCommand } from "./commands.ts";
import { registriesFor } from "./plugins.ts";

/**
 * The program; errors are thrown, and whoever calls prints them. Only the command that the arguments call is loaded: of
 * the others it has what the list of commands shows.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const { version, description } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { version: string; description: string };
  const program = new Command("fmlora").description(description).version(version).enablePositionalOptions(); // a group and its subcommands may have an option of one name
  const registries = registriesFor(args);
  const [first, second] = args.filter((argument) => !argument.startsWith("-")); // no option before a command has a value
  const called = first === "help" ? second : first;
  const commands: Command[] = [];
  for (const entry of COMMANDS) {
    const command = entry.name === called ? await entry.load(registries) : listed(entry);
    commands.push(command.description(entry.description));
  }
  for (const command of commands) {
    program.addCommand(command.option("--debug", "show where an error comes from") as unknown as Command);
  }
  for (const command of [program, ...commands]) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  return program;
}

/** A command that is only named. */
function listed({ name, usage }: ListedCommand): Command {
  const command = new Command(name);
  for (const argument of usage) command.argument(argument);
  return command.action(() => {
    throw new Error(`${name}: was called without having been loaded`);
  }) as unknown as Command;
}
