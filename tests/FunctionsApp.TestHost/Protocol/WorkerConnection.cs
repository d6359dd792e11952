using System.Collections.Concurrent;
using System.Threading.Channels;
using FunctionsApp.TestHost.Worker;
using Grpc.Core;

namespace FunctionsApp.TestHost.Protocol;

/// <summary>The host's side of the worker's protocol, for one worker.</summary>
/// <param name="workerId">The id with which the worker connects.</param>
/// <param name="log">Receives what the worker logs.</param>
internal sealed class WorkerConnection(string workerId, WorkerLog log) : FunctionRpc.FunctionRpcBase
{
    private readonly Channel<StreamingMessage> _outbound = Channel.CreateUnbounded<StreamingMessage>(new UnboundedChannelOptions { SingleReader = true });
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StreamingMessage>> _pending = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile WorkerException? _failure;

    /// <summary>Completes when the worker has connected.</summary>
    public Task Connected => _connected.Task;

    /// <summary>Runs until the worker goes, or the host stops.</summary>
    public override async Task EventStream(IAsyncStreamReader<StreamingMessage> requestStream, IServerStreamWriter<StreamingMessage> responseStream, ServerCallContext context)
    {
        if (!await requestStream.MoveNext(context.CancellationToken) || requestStream.Current.StartStream?.WorkerId != workerId)
        {
            throw new Grpc.Core.RpcException(new Status(StatusCode.PermissionDenied, "The first message must be StartStream, with the id that the worker was started with."));
        }

        _connected.TrySetResult();
        var sending = SendAllAsync(responseStream, context.CancellationToken);
        try
        {
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                Receive(requestStream.Current);
            }
        }
        catch (Exception exception) when (context.CancellationToken.IsCancellationRequested && exception is IOException or OperationCanceledException)
        {
            // The worker has gone; who waits for it is told when its process has ended.
        }
        finally
        {
            _outbound.Writer.TryComplete();
            await sending;
        }
    }

    /// <summary>Sends a message that has no response.</summary>
    public void Send(StreamingMessage message) => _outbound.Writer.TryWrite(message);

    /// <summary>Sends a message, and waits for its response.</summary>
    /// <exception cref="WorkerException">The worker has gone.</exception>
    /// <exception cref="OperationCanceledException">Nobody waits any longer.</exception>
    public async Task<StreamingMessage> CallAsync(StreamingMessage request, CancellationToken cancellationToken)
    {
        request.RequestId = Guid.NewGuid().ToString();
        var response = _pending[request.RequestId] = new TaskCompletionSource<StreamingMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            Send(request);
            return _failure is { } failure ? throw failure : await response.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            _pending.TryRemove(request.RequestId, out _);
        }
    }

    /// <summary>Fails whatever waits for the worker, now and later.</summary>
    public void Fail(WorkerException failure)
    {
        _failure = failure;
        _connected.TrySetException(failure);
        foreach (var response in _pending.Values)
        {
            response.TrySetException(failure);
        }
    }

    private async Task SendAllAsync(IServerStreamWriter<StreamingMessage> stream, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var message in _outbound.Reader.ReadAllAsync(cancellationToken))
            {
                await stream.WriteAsync(message, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or InvalidOperationException or IOException)
        {
            // The worker has gone.
        }
    }

    private void Receive(StreamingMessage message)
    {
        if (message.ContentCase == StreamingMessage.ContentOneofCase.RpcLog)
        {
            var entry = message.RpcLog;
            log.Add($"{entry.Level}: {entry.Category}: {entry.Message}{(entry.Exception is { } exception ? $" {exception.Message} {exception.StackTrace}" : "")}");
        }
        else if (_pending.TryGetValue(message.RequestId, out var response))
        {
            response.TrySetResult(message);
        }
    }
}
