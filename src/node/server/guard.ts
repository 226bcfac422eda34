/** @file Who may ask, how much, and how often. */
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, MiddlewareHandler } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { HTTPException } from "hono/http-exception";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { InputError, optionText } from "../../tensor/errors.ts";
import type { ServerSettings } from "./settings.ts";

/** What a bearer token may consist of (RFC 6750). */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
const SHORTEST_TOKEN = 16;

/** @throws InputError for a server that anybody could use who reaches it, or a token that can't be */
export function checkAccess({ host, tokens }: Pick<ServerSettings, "host" | "tokens">): void {
  if (tokens.length === 0 && !isLoopback(host)) {
    throw new InputError(
      `${optionText("host", host)}: other machines could use the server; give a token (FMLORA_TOKEN in the environment, or ${optionText("token")}), or serve on 127.0.0.1`,
    );
  }
  for (const token of tokens) {
    if (token.length >= SHORTEST_TOKEN && TOKEN.test(token)) continue;
    throw new InputError(
      `a token has ${token.length} characters, or some that no header has; expected ${SHORTEST_TOKEN} or more letters, digits, or - . _ ~ + / (openssl rand -hex 24 makes one)`,
    );
  }
}

/** Whether only this machine reaches an address. */
const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);

/** Asks for a token, if there are any. */
export function withToken({ tokens }: Pick<ServerSettings, "tokens">): MiddlewareHandler {
  if (tokens.length === 0) return (_, next) => next();
  const message = { error: "this server wants a token; send the header Authorization: Bearer TOKEN" };
  const refused = { message };
  return bearerAuth({
    token: [...tokens],
    noAuthenticationHeader: refused,
    invalidAuthenticationHeader: refused,
    invalidToken: { message: { error: "the token is none of this server's" } },
  });
}

/**
 * Keeps other pages' scripts out: a browser sends them to this machine, too. Without tokens the server answers only under
 * names of this machine, since others may be made to lead here (DNS rebinding).
 */
export function fromHere({ tokens, origins }: Pick<ServerSettings, "tokens" | "origins">): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header("host") ?? "";
    const origin = context.req.header("origin");
    if (tokens.length === 0 && !isLoopback(host.replace(/:\d+$/, ""))) {
      throw new HTTPException(403, {
        message: `host "${host}": without a token this server answers only as localhost or 127.0.0.1`,
      });
    }
    if (origin !== undefined && !origins.includes(origin) && !isSame(origin, host)) {
      throw new HTTPException(403, {
        message: `origin "${origin}": pages from elsewhere may not ask this server; allow it with --origin`,
      });
    }
    await next();
  };
}

function isSame(origin: string, host: string): boolean {
  try {
    return new URL(origin).host === host;
  } catch {
    return false; // "null", as a page from a file has it
  }
}

/** Refuses a client who asks too often. */
export function notTooOften({ rate }: Pick<ServerSettings, "rate">): MiddlewareHandler {
  if (rate === undefined) return (_, next) => next();
  const limiter = new RateLimiterMemory({ points: rate, duration: 1 });
  return async (context, next) => {
    try {
      await limiter.consume(clientOf(context));
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      context.header("Retry-After", String(Math.max(1, Math.ceil(error.msBeforeNext / 1000))));
      return context.json({ error: `more than ${rate} requests a second; ask again later` }, 429);
    }
    return next();
  };
}

/** A token, which is checked before, or an address. */
const clientOf = (context: Context): string =>
  context.req.header("authorization") ?? getConnInfo(context).remote.address ?? "somebody";
