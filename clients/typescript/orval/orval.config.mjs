export default {
  app: {
    input: "../openapi.json",
    output: { target: "client.ts", client: "fetch", baseUrl: { runtime: "process.argv[2]" } },
  },
};
