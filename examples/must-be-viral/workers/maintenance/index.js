// The page that users see while the application is away. It needs nothing that could be away too.
const AGAIN_SECONDS = 300; // after which clients, and search engines, may ask again

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Must Be Viral: back soon</title>
<h1>We will be back soon</h1>
<p>Must Be Viral is being repaired. Your data is safe; please try again in a few minutes.</p>
</html>
`;

export default {
  fetch(request) {
    const json = (request.headers.get("accept") ?? "").includes("json");
    return new Response(json ? JSON.stringify({ status: "maintenance", retry_after: AGAIN_SECONDS }) : PAGE, {
      status: 503,
      headers: {
        "content-type": json ? "application/json" : "text/html; charset=utf-8",
        "retry-after": String(AGAIN_SECONDS),
        "cache-control": "no-store",
        "x-maintenance": "on",
      },
    });
  },
};
