using FunctionsApp.Core.Tasks.Embedded;

namespace FunctionsApp.Core.Tests.Tasks.Embedded;

/// <summary>What a disk can refuse.</summary>
[Flags]
public enum Faults
{
    None = 0,
    Open = 1,
    Read = 2,
    Write = 4,
    Flush = 8,
    Cut = 16,
}

/// <summary>A disk that fails when it is told to, that can be held up, and that counts.</summary>
internal sealed class JournalDisk
{
    private int _flushes;

    /// <summary>What fails from now on.</summary>
    public Faults Faults { get; set; }

    /// <summary>Flushes wait until it is set.</summary>
    public ManualResetEventSlim Flushing { get; } = new(initialState: true);

    /// <summary>Released when a flush begins.</summary>
    public SemaphoreSlim FlushBegun { get; } = new(0);

    /// <summary>How many flushes have ended well.</summary>
    public int Flushes => Volatile.Read(ref _flushes);

    /// <summary>Happens when a read begins.</summary>
    public Action? Reading { get; set; }

    public long BytesRead { get; private set; }

    public int LongestRead { get; private set; }

    public JournalOptions Options => new()
    {
        OpenFile = (path, mode) =>
        {
            Check(Faults.Open);
            return new HeldFile(this, path, mode);
        },
    };

    private void Check(Faults operation)
    {
        if (Faults.HasFlag(operation))
        {
            throw new IOException($"No {operation} on this device");
        }
    }

    private sealed class HeldFile(JournalDisk disk, string path, FileMode mode) : JournalFile(path, mode)
    {
        public override int Read(Span<byte> destination, long offset)
        {
            disk.Check(Faults.Read);
            disk.Reading?.Invoke();
            var read = base.Read(destination, offset);
            disk.BytesRead += read;
            disk.LongestRead = Math.Max(disk.LongestRead, destination.Length);
            return read;
        }

        /// <summary>One that fails gets half of it done.</summary>
        public override void Write(IReadOnlyList<ReadOnlyMemory<byte>> parts, long offset)
        {
            if (disk.Faults.HasFlag(Faults.Write))
            {
                base.Write([parts[0][..(parts[0].Length / 2)]], offset);
            }

            disk.Check(Faults.Write);
            base.Write(parts, offset);
        }

        public override void Flush()
        {
            disk.FlushBegun.Release();
            Assert.True(disk.Flushing.Wait(TimeSpan.FromSeconds(30)));
            disk.Check(Faults.Flush);
            base.Flush();
            Interlocked.Increment(ref disk._flushes);
        }

        public override void Cut(long length)
        {
            disk.Check(Faults.Cut);
            base.Cut(length);
        }
    }
}
