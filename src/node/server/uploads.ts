/** @file Images out of a request's body. */
import type { Context } from "hono";
import { InputError } from "../../tensor/errors.ts";

/** A file of a form. */
export interface Uploaded {
  /** Of the form's field. */
  readonly field: string;
  /** As the sender calls it. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

const EXPECTED = "expected multipart/form-data with image files, or one image as the whole body";

/**
 * The files of a form, or the whole body as one.
 * @throws InputError if there are none, the form is damaged, or has fields that are no files
 */
export async function uploads(context: Context): Promise<Uploaded[]> {
  const type = context.req.header("content-type") ?? "";
  const files = type.startsWith("multipart/form-data")
    ? await formFiles(context)
    : await wholeBody(context, type);
  if (files.length === 0) throw new InputError(`the request has no files; ${EXPECTED}`);
  return files;
}

async function formFiles(context: Context): Promise<Uploaded[]> {
  let form: Awaited<ReturnType<Request["formData"]>>;
  try {
    form = await context.req.raw.formData();
  } catch (error) {
    throw new InputError(`the form can't be read (${(error as Error).message}); ${EXPECTED}`, {
      cause: error,
    });
  }
  const files: Uploaded[] = [];
  for (const [field, value] of form) {
    if (typeof value === "string") {
      throw new InputError(
        `the form's field "${field}" is text, and options are part of the address (?top=3); expected files alone (curl: -F ${field}=@FILE)`,
      );
    }
    files.push({ field, file: value.name, bytes: new Uint8Array(await value.arrayBuffer()) });
  }
  return files;
}

async function wholeBody(context: Context, type: string): Promise<Uploaded[]> {
  if (!/^(image\/|application\/octet-stream)/.test(type)) {
    throw new InputError(`content type ${type === "" ? "missing" : `"${type}"`}; ${EXPECTED}`);
  }
  const bytes = new Uint8Array(await context.req.arrayBuffer());
  return bytes.length === 0 ? [] : [{ field: "image", file: "image", bytes }];
}

/** Files by the name of their field, in the order in which these came. */
export function byField(files: readonly Uploaded[]): Map<string, Uint8Array[]> {
  const classes = new Map<string, Uint8Array[]>();
  for (const { field, bytes } of files) {
    const known = classes.get(field);
    if (known === undefined) classes.set(field, [bytes]);
    else known.push(bytes);
  }
  return classes;
}
