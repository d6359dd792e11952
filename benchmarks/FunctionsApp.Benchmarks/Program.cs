using FunctionsApp.Benchmarks;
using FunctionsApp.Benchmarks.Rows;

// dotnet run -c Release --project benchmarks/FunctionsApp.Benchmarks [file for the table] [--only word]…
var words = new List<string>();
string? file = null;
for (var i = 0; i < args.Length; i++)
{
    if (args[i] == "--only" && i + 1 < args.Length)
    {
        words.Add(args[++i]);
    }
    else
    {
        file = args[i];
    }
}

Row[] all = [.. GatherRows.All, .. MapRows.All, .. CallMapRows.All, .. OverheadRows.All, .. FairnessRows.All, .. TaskRows.All, .. DurableRows.All];
var rows = Array.FindAll(all, row => words.Count == 0 || words.Exists(row.IsMeantBy));
var growths = GrowthRows.All.Where(growth => words.Count == 0 || words.Exists(growth.IsMeantBy)).ToArray();
if (rows.Length == 0 && growths.Length == 0)
{
    await Console.Error.WriteLineAsync($"No row is named so. The rows are:\n{string.Join('\n', [.. all.Select(static row => $"{row.Family}: {row.Work}"), .. GrowthRows.All.Select(static growth => $"growth: {growth.Work}")])}");
    return 1;
}

var table = new Table(Console.Out);
foreach (var row in rows)
{
    await table.AddAsync(row);
}

foreach (var growth in growths)
{
    await table.AddAsync(growth);
}

if (file is not null)
{
    await File.WriteAllTextAsync(file, table.ToMarkdown());
}

return 0;
