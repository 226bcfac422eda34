/** @file Names of files and folders as all readers of images see them: which are read, counted, or passed over. */

/** What is decoded: .jfif and .jpe are JPEGs by other names. */
const READ = /\.(jpe?g|jpe|jfif|png|webp|gif)$/i;
/** Images that nothing here decodes. */
const UNREAD = /\.(bmp|dib|tiff?|heic|heif|avif|jp2|jxl|svgz?|ico|p[bgp]m|tga|psd|dng|cr[23]|nef|arw)$/i;
/** Notes of systems and programs, where they don't begin with a dot: macOS's in zips, and a Synology's. */
const HIDDEN = ["__MACOSX", "@eaDir"];

/** Whether a file is an image by its name, of a format that is decoded. */
export const isImageName = (name: string): boolean => READ.test(name);

/** The ending of an image's name whose format is not decoded: ".bmp"; undefined for all others. */
export const unreadEnding = (name: string): string | undefined => UNREAD.exec(name)?.[0]?.toLowerCase();

/** What no reader looks at: .DS_Store, ._1.jpg, .ipynb_checkpoints, .git, __MACOSX. */
export const isHidden = (name: string): boolean => name.startsWith(".") || HIDDEN.includes(name);

/**
 * A name as it may be written otherwise: é is one character on Linux and Windows, and two where macOS made the archive.
 * Each form once, the given one first.
 */
export const unicodeForms = (name: string): readonly string[] =>
  isAscii(name) ? [name] : [...new Set([name, name.normalize("NFC"), name.normalize("NFD")])];

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what ASCII begins with
const isAscii = (text: string): boolean => /^[\x00-\x7f]*$/.test(text);

/** The character that stands for bytes which are no UTF-8. */
const REPLACEMENT = "\ufffd";

/** What is added to "no such file" where the name can't be given back to the system. */
export const nameHint = (path: string): string =>
  path.includes(REPLACEMENT) ? "; its name is no UTF-8: rename it, for example with convmv" : "";

/** Paths of lists that Windows wrote. */
export const withSlashes = (path: string): string => path.replaceAll("\\", "/");
