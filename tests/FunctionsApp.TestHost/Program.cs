using System.Globalization;
using FunctionsApp.TestHost;

if (args is not [var package, .. var rest] || rest.Length > 1 || (rest is [var text] && !ushort.TryParse(text, CultureInfo.InvariantCulture, out _)))
{
    await Console.Error.WriteLineAsync("Usage: dotnet run --project tests/FunctionsApp.TestHost -- <folder of dotnet publish> [<port>, default 7071]");
    return 2;
}

var stop = new TaskCompletionSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    stop.TrySetResult();
};
try
{
    await using var host = await FunctionsTestHost.StartAsync(new TestHostOptions
    {
        PackageDirectory = package,
        Url = $"http://127.0.0.1:{rest.FirstOrDefault("7071")}",
        Log = Console.WriteLine,
    });
    foreach (var function in host.Functions)
    {
        Console.WriteLine($"  {function}");
    }

    Console.WriteLine($"Listening on {host.BaseAddress}. Stop with Ctrl+C.");
    await Task.WhenAny(stop.Task, host.Worker.WaitForExitAsync());
    if (stop.Task.IsCompleted)
    {
        return await host.StopAsync() ? 0 : 1;
    }

    await Console.Error.WriteLineAsync("The worker has ended by itself.");
    return 1;
}
catch (WorkerException exception)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}
