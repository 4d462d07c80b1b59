import express, { Router } from 'express';
import { absolutePath } from 'swagger-ui-dist';
import type { Route } from './route.ts';
import { openApiDocument } from './openapi.ts';
import { PROBLEMS } from './problem.ts';

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Kessai API</title>
    <link rel="icon" type="image/png" href="docs/assets/favicon-32x32.png" />
    <link rel="stylesheet" href="docs/assets/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="docs/assets/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
`;

const START = `window.ui = SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', deepLinking: true, persistAuthorization: true });
`;

/** `/openapi.json`, and `/docs` to read it with nothing from the internet. */
export function docsRouter(routes: readonly Route[]): Router {
  const router = Router();
  const document = JSON.stringify(openApiDocument(routes));
  router.get('/openapi.json', (_request, response) => {
    response.type('application/json').send(document);
  });
  router.get('/docs', (_request, response) => {
    response.type('html').send(PAGE);
  });
  router.get('/docs/start.js', (_request, response) => {
    response.type('text/javascript').send(START);
  });
  router.get('/docs/problems', (_request, response) => {
    const lines = Object.entries(PROBLEMS).map(
      ([code, status]) =>
        `<li id="${code.toLowerCase().replaceAll('_', '-')}"><code>${status} ${code}</code></li>`,
    );
    response
      .type('html')
      .send(`<!doctype html><title>Problems</title><h1>Problem codes</h1><ul>${lines.join('')}</ul>`);
  });
  router.use('/docs/assets', express.static(absolutePath(), { index: false, maxAge: '1d' }));
  return router;
}
