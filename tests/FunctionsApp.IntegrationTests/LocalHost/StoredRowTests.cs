using System.Net;
using FunctionsApp.IntegrationTests.Hosting;
using FunctionsApp.IntegrationTests.Webhooks;
using Microsoft.Data.Sqlite;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>A database that another version of the app has written to, between two runs of this one.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class StoredRowTests : IDisposable
{
    private readonly TaskDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [OwnHostFact]
    public async Task An_additional_property_is_ignored_and_an_unreadable_row_fails_alone()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var settings = WebhookFixture.Settings([0]);
        string added, flawed, lost, ended;
        await using (var host = await _directory.StartAsync(settings))
        {
            using var api = host.Connect();
            ended = await api.CreateIdAsync("echo", """{"value":"ended"}""");
            await api.EndAsync(ended);
            added = await api.CreateIdAsync("delay", """{"seconds":2,"result":"added"}""", "\"retry\":{\"maxAttempts\":9}");
            flawed = await api.CreateIdAsync("delay", """{"seconds":3600}""", $$"""
                "onError":{"url":"{{receiver.Url("flawed", "/taken")}}"}
                """);
            lost = await api.CreateIdAsync("delay", """{"seconds":3600}""", "\"ttlSeconds\":1");
            await host.KillAsync();
        }

        Execute("UPDATE tasks SET definition = json_set(definition, '$.later', json('{}'), '$.retry.later', 1) WHERE id = ?1", added);
        Execute("UPDATE tasks SET definition = json_remove(definition, '$.pattern') WHERE id = ?1", flawed);
        Execute("UPDATE tasks SET definition = 'lost' WHERE id = ?1", lost);
        await using var next = await _directory.StartAsync(settings);
        using var again = next.Connect();

        var failed = await again.EndAsync(flawed);
        Assert.Equal(("failed", "/problems/storage-failed"), (failed.State(), failed["error"].GetProperty("type").GetString()));
        Assert.Equal("ended", (await again.TaskAsync(ended))["result"].GetString());
        Assert.Equal(HttpStatusCode.OK, (await again.GetAsync("health/ready")).Status);
        Assert.Equal("added", (await again.EndAsync(added))["result"].GetString());
        Assert.Single(await receiver.ArrivalAsync("flawed"));
        await Eventually.SeeAsync(() => again.TaskAsync(lost), static response => response.Problem == "unknown-task", "The lost task to expire");
        await Eventually.SeeAsync(() => Task.FromResult(next.Output), output => output.Contains($"Task {lost} cannot be read", StringComparison.Ordinal), "The task in the log");
        Assert.Equal([flawed, added, ended], await again.ListAsync().Select(static task => task.GetProperty("id").GetString()!).ToListAsync());
    }

    [OwnHostFact]
    public async Task Tables_of_a_later_version_are_refused_with_both_versions()
    {
        await using (var host = await _directory.StartAsync())
        {
            using var api = host.Connect();
            await api.EndAsync(await api.CreateIdAsync("echo", """{"value":1}"""));
            await host.KillAsync();
        }

        Execute("PRAGMA user_version = 7");
        var before = await File.ReadAllBytesAsync(DatabaseFile);
        await using var next = await _directory.StartAsync();
        using var again = next.Connect();

        foreach (var response in new[] { await again.GetAsync("tasks"), await again.PostAsync("tasks/echo", """{"input":{"value":1}}"""), await again.GetAsync("health/ready") })
        {
            Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (response.Status, response.Problem));
            Assert.Equal(
                "A later version of the app wrote the database of the tasks: the database has version 7, and this version supports 2.", response["detail"].GetString());
        }

        Assert.Equal(HttpStatusCode.OK, (await again.PostAsync("await/echo", """{"value":1}""")).Status);
        await next.KillAsync();
        Assert.Equal(before, await File.ReadAllBytesAsync(DatabaseFile));
    }

    private string DatabaseFile => Path.Combine(_directory.Path, "tasks.db");

    private void Execute(string sql, string? id = null)
    {
        using var connection = new SqliteConnection($"Data Source={DatabaseFile};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        if (id is not null)
        {
            command.Parameters.AddWithValue("?1", id);
        }

        command.ExecuteNonQuery();
    }
}
