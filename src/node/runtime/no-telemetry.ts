/**
 * @file Keeps ONNX Runtime quiet. Since 1.29 its official Linux builds report sessions to Microsoft unless told not to,
 * and gather the command line for it in a way that overflows the stack at 30 kB.
 */

/**
 * Switches the telemetry off. ONNX Runtime asks when the first session of a process is made, and a bundler may have
 * moved its import before ours: so whoever makes sessions calls this, and a bundler can't drop it.
 */
export function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = "1";
}

disableTelemetry(); // also for sessions that others make after importing us
