using System.Buffers;
using System.Globalization;
using FunctionsApp.Core.Limits;
using FunctionsApp.Core.Problems;
using Microsoft.AspNetCore.Http;

namespace FunctionsApp.Http;

/// <summary>Reads a body into memory that is reserved first, from a client that must keep sending.</summary>
/// <param name="request">The request.</param>
/// <param name="memory">The memory account of the request.</param>
/// <param name="maxBytes">The value of <see cref="LimitsOptions.MaxRequestBytes"/>; a byte order mark does not count.</param>
/// <param name="time">Measures pauses.</param>
internal sealed class BodyReader(HttpRequest request, RequestMemory memory, int maxBytes, TimeProvider time)
{
    /// <summary>Bytes of memory for each byte of a large body: the body itself, and its text as UTF-16.</summary>
    private const int BytesPerBodyByte = 3;

    /// <summary>A byte order mark, which does not count towards the limit.</summary>
    private static ReadOnlySpan<byte> Mark => "\uFEFF"u8;

    private byte[] _bytes = [];
    private int _length;

    /// <summary>Reads to the end.</summary>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <exception cref="ProblemException">
    /// <c>too-large</c>; <c>saturated</c> when memory has no room for the body; <c>request-timeout</c> when it arrives too slowly.
    /// </exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        var length = request.ContentLength ?? 0;
        EnsureSize(length - Mark.Length);
        await GrowAsync((int)(request.ContentLength ?? RequestMemory.FreeBytes), cancellationToken);

        var body = request.BodyReader;
        using var pace = new UploadPace(body, time);
        while (true)
        {
            var minRate = _bytes.Length > RequestMemory.FreeBytes ? UploadPace.MinLargeBytesPerSecond : UploadPace.MinBytesPerSecond;
            var read = await pace.ReadAsync(minRate, unread: 0, cancellationToken);
            var consumed = read.Buffer.Start;
            try
            {
                var needed = _length + read.Buffer.Length;
                EnsureSize(needed - Mark.Length);
                if (needed > _bytes.Length)
                {
                    await GrowAsync((int)Math.Max(Math.Max(needed, length), Math.Min(4L * _bytes.Length, maxBytes)), cancellationToken);
                }

                read.Buffer.CopyTo(_bytes.AsSpan(_length));
                _length = (int)needed;
                consumed = read.Buffer.End;
            }
            finally
            {
                body.AdvanceTo(consumed);
            }

            if (read.IsCompleted)
            {
                EnsureSize(_length - (_bytes.AsSpan(0, _length).StartsWith(Mark) ? Mark.Length : 0));
                return _bytes.AsMemory(0, _length);
            }
        }
    }

    private async ValueTask GrowAsync(int capacity, CancellationToken cancellationToken)
    {
        if (capacity > RequestMemory.FreeBytes)
        {
            await memory.HoldAsync(
                BytesPerBodyByte * (long)(capacity - (_bytes.Length > RequestMemory.FreeBytes ? _bytes.Length : 0)), cancellationToken);
        }

        var larger = GC.AllocateUninitializedArray<byte>(capacity);
        _bytes.AsSpan(0, _length).CopyTo(larger);
        _bytes = larger;
    }

    private void EnsureSize(long bytes)
    {
        if (bytes > maxBytes)
        {
            throw new ProblemException(Problem.TooLarge(string.Create(CultureInfo.InvariantCulture,
                $"The body is larger than {maxBytes} bytes (Limits:MaxRequestBytes).")));
        }
    }
}
