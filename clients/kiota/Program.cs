using System.Text.Json.Nodes;
using App;
using App.Models;
using Microsoft.Kiota.Abstractions.Authentication;
using Microsoft.Kiota.Abstractions.Serialization;
using Microsoft.Kiota.Http.HttpClientLibrary;

// Kiota's own client sends a request again when a time limit has run out.
using var http = new HttpClient();
using var adapter = new HttpClientRequestAdapter(new AnonymousAuthenticationProvider(), httpClient: http) { BaseUrl = args[0] };
var app = new AppClient(adapter);

var square = await app.Await.MathSquare.PostAsync(new MathSquareInput { X = 12 });
Console.WriteLine(square!.Result);

var gathered = await app.Gather.PostAsync(new GatherRequest
{
    Calls =
    [
        new GatherCall { Operation = "math.square", Input = new UntypedObject(new Dictionary<string, UntypedNode> { ["x"] = new UntypedInteger(3) }) },
        new GatherCall { Operation = "echo", Input = new UntypedObject(new Dictionary<string, UntypedNode> { ["value"] = new UntypedString("hello") }) },
    ],
});
foreach (var result in gathered!.Results!)
{
    Console.WriteLine(await KiotaJsonSerializer.SerializeAsStringAsync(result.Result!));
}

var squares = await app.Map.MathSquare.PostAsync(new MathSquareMapRequest { Items = new UntypedArray([new UntypedInteger(1), new UntypedInteger(2), new UntypedInteger(3)]) });
Console.WriteLine(string.Join(", ", squares!.Results!));

var task = await app.Tasks.Delay.PostAsync(new DelayTaskRequest { Input = new DelayInput { Seconds = 0.2, Result = new UntypedString("done") } });
var ended = await app.Tasks[task!.Id!].GetAsync(request => request.QueryParameters.WaitSeconds = 10);
Console.WriteLine(await KiotaJsonSerializer.SerializeAsStringAsync(ended!.Result!));

await using var counted = await app.Stream.Count.PostAsync(new CountInput { Count = 3 });
using var lines = new StreamReader(counted!);
while (await lines.ReadLineAsync() is { } line)
{
    if (JsonNode.Parse(line)?["value"] is { } value)
    {
        Console.WriteLine(value);
    }
}

try
{
    await app.Await.Delay.PostAsync(new DelayInput { Seconds = 5 }, request => request.QueryParameters.TimeoutSeconds = 0.1);
}
catch (AwaitProblem problem) when (problem.Type == AwaitProblem_type.ProblemsTimeout)
{
    Console.WriteLine(problem.Detail);
}
