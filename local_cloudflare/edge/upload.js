// A Worker may answer without reading what was sent. workerd then closes the connection, which surprises the
// next request on it and can take the answer along; Cloudflare reads to the end.

const SMALL = 64 * 1024;

// Calls `answer` with the request. Its response ends only when the request's body has been read.
export async function withWholeUpload(request, ctx, answer) {
  if (!request.body) return answer(request);
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) <= SMALL) {
    return answer(new Request(request, { body: await request.arrayBuffer() }));
  }
  const upload = new IdentityTransformStream();
  let giveUp;
  const unwanted = new Promise((resolve) => (giveUp = () => resolve(false)));
  const read = pump(request.body, upload.writable.getWriter(), unwanted).catch(() => {});
  ctx.waitUntil(read);
  const response = await answer(new Request(request, { body: upload.readable }));
  if (!response.body) {
    giveUp();
    await read;
    return response;
  }
  const download = new IdentityTransformStream();
  const end = async () => {
    await response.body.pipeTo(download.writable, { preventClose: true });
    giveUp();
    await read;
    await download.writable.close();
  };
  ctx.waitUntil(end().catch((error) => download.writable.abort(error).catch(() => {})));
  return new Response(download.readable, response);
}

// Passes on what the Worker takes and drops the rest.
async function pump(body, writer, unwanted) {
  let taken = true;
  for await (const chunk of body) {
    const passed = () => writer.write(chunk).then(() => true, () => false);
    taken = taken && (await Promise.race([passed(), unwanted]));
  }
  if (taken) await Promise.race([writer.close(), unwanted]);
}
