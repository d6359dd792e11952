using FunctionsApp.Benchmarks;

// dotnet run -c Release --project benchmarks/FunctionsApp.Benchmarks [file for the table]
await using var slow = await SlowServer.StartAsync(TimeSpan.FromMilliseconds(50));
await using var host = await LocalHost.StartAsync(("Outbound__AllowedHosts__0", $"127.0.0.1:{slow.Url.Port}"));

var table = new Table(Console.Out);
foreach (var calls in (int[])[1_000, 10_000])
{
    await table.AddAsync(
        $"gather of {calls:N0} delays of 0.1 s",
        host.Post("LocalHost", "gather", Requests.Gather(calls, """{"operation":"delay","input":{"seconds":0.1}}""")),
        Peer.Python("asyncio.gather in-process", "gather_delays.py", calls));
}

const int HttpCalls = 200;
await table.AddAsync(
    $"gather of {HttpCalls} HTTP calls of 50 ms",
    host.Post("LocalHost", "gather", Requests.Gather(HttpCalls, $$$"""{"operation":"http.request","input":{"url":"{{{slow.Url}}}"} }""")),
    Peer.Python("asyncio streams", "gather_http.py", HttpCalls, slow.Url),
    Peer.Node("Promise.all of fetch", "gather_http.mjs", HttpCalls, slow.Url));

if (args is [var file])
{
    await File.WriteAllTextAsync(file, table.ToMarkdown());
}
