# The edge: one router Worker that loads the live versions. Nothing here depends on the instance: sockets,
# the control plane's address and the storage directory are given on workerd's command line.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "router", worker = .router),
    (name = "control", external = (http = ())),
    (name = "storage", disk = (writable = true)),
  ],
  sockets = [
    (name = "public", http = (), service = "router"),
    (name = "control", http = (), service = (name = "router", entrypoint = "Control")),
  ],
);

const router :Workerd.Worker = (
  modules = [
    (name = "router.js", esModule = embed "router.js"),
    (name = "bindings.js", esModule = embed "bindings.js"),
    (name = "d1.js", esModule = embed "d1.js"),
    (name = "dispatch.js", esModule = embed "dispatch.js"),
    (name = "errors.js", esModule = embed "errors.js"),
    (name = "invocations.js", esModule = embed "invocations.js"),
    (name = "kv.js", esModule = embed "kv.js"),
    (name = "objects.js", esModule = embed "objects.js"),
    (name = "pages.js", esModule = embed "pages.js"),
    (name = "rules.js", esModule = embed "rules.js"),
    (name = "table.js", esModule = embed "table.js"),
    (name = "upload.js", esModule = embed "upload.js"),
    (name = "versions.js", esModule = embed "versions.js"),
    (name = "d1_binding.js", text = embed "d1_binding.js"),
    (name = "prelude.js", text = embed "prelude.js"),
  ],
  compatibilityDate = "2026-04-01",
  compatibilityFlags = ["experimental"],
  bindings = [
    (name = "LOADER", workerLoader = ()),
    (name = "CONTROL", service = "control"),
    (name = "SECRET", fromEnvironment = "EDGE_SECRET"),
    (name = "NEWEST_DATE", fromEnvironment = "EDGE_NEWEST_DATE"),
    (name = "VERSIONS", durableObjectNamespace = "VersionHost"),
    (name = "OBJECTS", durableObjectNamespace = "ObjectHost"),
  ],
  durableObjectNamespaces = [
    # workerd drops an idle one after 10 s, and with it the loaded code: that bounds the memory.
    (className = "VersionHost", ephemeralLocal = void),
    # Not evicted by workerd, because the facet inside would outlive its host: objects.js does it.
    (className = "ObjectHost", uniqueKey = "local-cloudflare", enableSql = true, preventEviction = true),
  ],
  durableObjectStorage = (localDisk = "storage"),
  globalOutbound = "control",
);
