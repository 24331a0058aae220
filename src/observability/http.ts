import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { fail } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';

export interface HttpCall {
  readonly method: 'GET' | 'POST';
  /** The whole URL is a secret: such URLs carry tokens in their path. */
  readonly url: Secret;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A body says nothing that is needed: this much of it is read, and for this long, so that the caller's end is orderly. */
const bodyBytes = 64 * 1024;
const bodyMs = (timeoutMs: number) => Math.min(1_000, timeoutMs / 4);

/**
 * Calls an address of the operator's and resolves to its 2xx status, which its headers tell. Redirects are not followed.
 * It takes no longer than `timeoutMs` in all, however slowly the other side speaks. No error holds the URL.
 * @throws `delivery-failed`, `timeout`
 */
export async function call({ method, url, body, headers, timeoutMs, signal }: HttpCall): Promise<number> {
  let target: URL;
  try {
    target = new URL(url.reveal());
  } catch {
    throw fail('delivery-failed', 'the address to call is not a URL', { next: 'correct the file that holds it' });
  }
  if (target.protocol !== 'http:' && target.protocol !== 'https:') {
    throw fail('delivery-failed', `the address to call starts with ${target.protocol} and not with http or https`);
  }
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
  const limit = AbortSignal.timeout(timeoutMs);
  const status = await new Promise<number>((resolve, reject) => {
    const request = send(target, {
      method,
      agent: false,
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      headers: {
        'user-agent': 'socle',
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    });
    request.on('response', (response) => {
      let left = bodyBytes;
      const enough = setTimeout(() => response.destroy(), bodyMs(timeoutMs));
      response.on('error', () => {});
      response.on('data', (chunk: Buffer) => {
        left -= chunk.length;
        if (left < 0) response.destroy();
      });
      response.on('close', () => {
        clearTimeout(enough);
        resolve(response.statusCode ?? 0);
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted) reject(fail('interrupted', `the call to ${target.hostname} was interrupted`));
      else if (limit.aborted)
        reject(fail('timeout', `${target.hostname} did not answer within ${timeoutMs / 1_000} s`));
      else reject(fail('delivery-failed', `${target.hostname} could not be reached (${error.code ?? error.name})`));
    });
    request.end(body);
  });
  if (status < 200 || status > 299) throw fail('delivery-failed', `${target.hostname} answered ${status}`, { status });
  return status;
}
