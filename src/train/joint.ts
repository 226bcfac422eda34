/** @file The upper bound's stream: everything at once. */
import type { Task, TaskStream } from "../data/stream.ts";

/** The stream with all its tasks as one. */
export function jointStream(stream: TaskStream): TaskStream {
  const all = <T>(part: (task: Task) => readonly T[]): T[] => stream.tasks.flatMap((task) => [...part(task)]);
  const classes = [...new Set(all((task) => task.classes))].sort((a, b) => a - b);
  const task: Task = {
    index: 0,
    name: "all tasks at once",
    classes,
    train: all((each) => each.train),
    validation: all((each) => each.validation),
    test: all((each) => each.test),
  };
  return { ...stream, tasks: [task] };
}
