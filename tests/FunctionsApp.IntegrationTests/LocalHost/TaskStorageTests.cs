using System.Net;
using FunctionsApp.IntegrationTests.Hosting;

namespace FunctionsApp.IntegrationTests.LocalHost;

/// <summary>The directory in which tasks are stored, and not in memory: it may be full, or be deleted. The other hosts store them alike.</summary>
[Collection(FunctionsAppCollection.Name)]
public sealed class TaskStorageTests
{
    [OwnHostFact]
    public async Task Ended_tasks_take_no_memory()
    {
        const int Tasks = 3_000;
        const int Clients = 8;

        // 64 MiB, while their inputs and results have 240 MB.
        await using var host = await Hosts.StartAsync(("DOTNET_GCHeapHardLimit", "0x4000000"));
        using var api = host.Connect();
        var body = $$"""{"input":{"value":"{{new string('x', 40_000)}}"} }""";
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            for (var i = 0; i < Tasks / Clients; i++)
            {
                await api.CreateAsync("tasks/echo", body);
            }
        }));

        await api.EndAsync(await api.CreateIdAsync("echo", """{"value":1}"""));
        Assert.Equal(Tasks + 1, await api.ListAsync().CountAsync());
    }

    [OwnHostFact(Needs.Tmpfs)]
    public async Task A_full_disk_refuses_new_tasks_and_keeps_existing_ones()
    {
        const string Filler = "filler";
        using var disk = Tmpfs.TryMount()!;
        (string, string)[] settings = [("Tasks__Directory", Path.Combine(disk.Path, "tasks"))];
        var ids = new List<string>();
        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            ids.Add(await api.CreateIdAsync("echo", """{"value":0}"""));
            await api.EndAsync(ids[0]);
            disk.Fill(Filler);

            // There may be room for a few in the last page of the log.
            var refused = await api.PostAsync("tasks/echo", """{"input":{"value":1}}""");
            for (; refused.Status == HttpStatusCode.Accepted; refused = await api.PostAsync("tasks/echo", """{"input":{"value":1}}"""))
            {
                ids.Add(refused.Id());
                Assert.InRange(ids.Count, 1, 100);
            }

            Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (refused.Status, refused.Problem));
            Assert.Equal(0, (await api.TaskAsync(ids[0]))["result"].GetInt32());
            Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);
            Assert.Equal(ids.Count, await api.ListAsync().CountAsync());

            disk.Free(Filler);
            ids.Add(await api.CreateIdAsync("echo", """{"value":2}"""));
            foreach (var id in ids)
            {
                Assert.Equal("succeeded", (await api.EndAsync(id)).State());
            }

            await host.KillAsync();
        }

        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            var listed = await api.ListAsync().Select(static task => task.GetProperty("id").GetString()!).ToListAsync();

            Assert.Equal(Enumerable.Reverse(ids), listed);
            Assert.Equal(0, (await api.TaskAsync(ids[0]))["result"].GetInt32());
            Assert.Equal(2, (await api.TaskAsync(ids[^1]))["result"].GetInt32());
        }
    }

    [OwnHostFact(Needs.Linux)]
    public async Task A_deleted_directory_refuses_tasks_and_the_host_is_not_ready()
    {
        using var directory = new TaskDirectory();
        (string, string)[] settings = [("Tasks__Directory", directory.Path)];
        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            await api.EndAsync(await api.CreateIdAsync("echo", """{"value":1}"""));
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("health/ready")).Status);
            Directory.Delete(directory.Path, recursive: true);

            var refused = await api.PostAsync("tasks/echo", """{"input":{"value":2}}""");
            Assert.Equal((HttpStatusCode.InsufficientStorage, "storage-failed"), (refused.Status, refused.Problem));
            Assert.Equal("storage-failed", (await api.GetAsync("health/ready")).Problem);
            Assert.Equal(HttpStatusCode.OK, (await api.PostAsync("await/echo", """{"value":1}""")).Status);
        }

        await using (var host = await Hosts.StartAsync(settings))
        {
            using var api = host.Connect();
            Assert.Equal(3, (await api.EndAsync(await api.CreateIdAsync("echo", """{"value":3}""")))["result"].GetInt32());
            Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("health/ready")).Status);
        }
    }
}
