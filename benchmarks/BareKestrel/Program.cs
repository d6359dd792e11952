using System.Diagnostics;
using System.Text.Json;
using BareKestrel;

// Two of LocalHost's routes with nothing behind them. Request delegates, not typed handlers: binding those is compiled at
// start-up, and this is to be as little as Kestrel can be.
var builder = WebApplication.CreateSlimBuilder(args);
builder.WebHost.ConfigureKestrel(static options => options.AddServerHeader = false);
builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
var app = builder.Build();

app.MapGet("/api/health/live", static async context =>
{
    context.Response.ContentType = "application/json; charset=utf-8";
    await JsonSerializer.SerializeAsync(context.Response.BodyWriter, new Health("live"), BareJson.Default.Health);
});

app.MapPost("/api/await/echo", static async context =>
{
    var started = Stopwatch.GetTimestamp();
    var input = await JsonSerializer.DeserializeAsync(context.Request.BodyReader, BareJson.Default.EchoInput, context.RequestAborted);
    var response = new EchoResponse("echo", input!.Value, Math.Round(Stopwatch.GetElapsedTime(started).TotalMilliseconds, 3));
    context.Response.ContentType = "application/json; charset=utf-8";
    await JsonSerializer.SerializeAsync(context.Response.BodyWriter, response, BareJson.Default.EchoResponse);
});

await app.RunAsync();
