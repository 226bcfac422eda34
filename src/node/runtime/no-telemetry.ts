/**
 * @file Keeps ONNX Runtime quiet; has to be imported before it. Since 1.29 its official Linux builds report sessions to
 * Microsoft unless told not to, and gather the command line for it in a way that overflows the stack at 30 kB.
 */
process.env.ORT_DISABLE_TELEMETRY = "1";
