import { setTimeout as pause } from 'node:timers/promises';
import { Router } from 'express';
import type { Pool } from '../shared/database.ts';
import { drawPage, drawSpaces } from './picture.ts';
import { listPlaces } from './places.ts';
import { listSpaces } from './views.ts';

/** A flap shuts by the clock alone, so there is nothing to wait for but the time. */
const LOOK_EVERY_MS = 1_000;

export interface PageOptions {
  readonly pool: Pool;
  readonly clock: () => Date;
  readonly onError: (error: unknown) => void;
}

/** A picture of all spaces for whoever looks, at `/`; `/changes` sends it anew, as server-sent events. */
export function pageRoutes({ pool, clock, onError }: PageOptions): Router {
  const router = Router();
  const draw = async (): Promise<string> => {
    const at = clock();
    return drawSpaces(await listPlaces(pool), await listSpaces(pool, at), at);
  };
  router.get('/', async (_request, response) => {
    response.type('html').send(drawPage(await draw()));
  });
  router.get('/changes', async (_request, response) => {
    const gone = new AbortController();
    response.on('close', () => {
      gone.abort();
    });
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    let shown = '';
    while (!gone.signal.aborted) {
      const svg = await draw().catch((error: unknown) => {
        onError(error);
        return shown;
      });
      if (svg !== shown) response.write(`data: ${JSON.stringify(svg)}\n\n`);
      shown = svg;
      await pause(LOOK_EVERY_MS, undefined, { signal: gone.signal }).catch(() => undefined);
    }
  });
  return router;
}
