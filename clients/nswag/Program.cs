using System.Text.Json.Nodes;
using App;

using var http = new HttpClient();
var app = new AppClient(http) { BaseUrl = args[0] };

var square = await app.AwaitMathSquareAsync(new MathSquareInput { X = 12 });
Console.WriteLine(square.Result);

var gathered = await app.GatherAsync(new GatherRequest
{
    Calls = [new GatherCall { Operation = "math.square", Input = new MathSquareInput { X = 3 } }, new GatherCall { Operation = "echo", Input = new EchoInput { Value = "hello" } }],
});
Console.WriteLine(string.Join(", ", gathered.Results.Select(result => result.Result)));

var squares = await app.MapMathSquareAsync(new MathSquareMapRequest { Items = [1, 2, 3] });
Console.WriteLine(string.Join(", ", squares.Results!));

var task = await app.CreateTaskDelayAsync(new DelayTaskRequest { Input = new DelayInput { Seconds = 0.2, Result = "done" } });
Console.WriteLine((await app.GetTaskAsync(task.Id, waitSeconds: 10)).Result);

using var counted = await app.StreamCountAsync(new CountInput { Count = 3 });
using var lines = new StreamReader(counted.Stream);
while (await lines.ReadLineAsync() is { } line)
{
    if (JsonNode.Parse(line)?["value"] is { } value)
    {
        Console.WriteLine(value);
    }
}

try
{
    await app.AwaitDelayAsync(new DelayInput { Seconds = 5 }, timeoutSeconds: 0.1);
}
catch (ApiException<AwaitProblem> exception) when (exception.Result.Type == AwaitProblemType.Timeout)
{
    Console.WriteLine(exception.Result.Detail);
}
