// Answers the edge gives itself, worded after Cloudflare's 1xxx pages.

const PAGES = {
  1016: [530, "Origin DNS error"],
  1042: [404, "There is nothing here yet"],
  1101: [500, "Worker threw exception"],
  1102: [530, "No such host on this account"],
};

export function errorPage(code, host) {
  const [status, title] = PAGES[code];
  const body = `<!DOCTYPE html>
<html lang="en-US">
<head><title>${title} | ${host} | Cloudflare</title><meta charset="UTF-8" /></head>
<body><h1>Error ${code}</h1><h2>${title}</h2><p>error code: ${code}</p></body>
</html>
`;
  return new Response(body, {
    status,
    headers: { "content-type": "text/html; charset=UTF-8", "cache-control": "no-store" },
  });
}
