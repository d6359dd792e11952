namespace FunctionsApp.Core.Tasks.Embedded;

/// <summary>A record that waits to be written; the task ends when the disk has it.</summary>
/// <param name="head">Its head.</param>
/// <param name="payload">Its payload.</param>
internal sealed class JournalAppend(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> payload)
    : TaskCompletionSource<JournalAddress>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    /// <summary>Its head.</summary>
    public ReadOnlyMemory<byte> Head => head;

    /// <summary>Its payload.</summary>
    public ReadOnlyMemory<byte> Payload => payload;

    /// <summary>Where it is being written.</summary>
    public JournalAddress Address { get; set; }
}

/// <summary>Records that are written and flushed together.</summary>
internal sealed class JournalBatch
{
    private const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>What is longer is written from where it is; what is not costs less to copy than to pin.</summary>
    private const int LongestCopy = 16 * 1024;

    private const int MostText = JournalLine.LongestPrefix + LongestCopy + LongestCopy + 1;

    private readonly byte[] _text = new byte[1024 * 1024];
    private readonly List<JournalAppend> _appends = [];
    private readonly List<ReadOnlyMemory<byte>> _parts = [];
    private int _cut;
    private int _used;

    /// <summary>The segment that it goes to.</summary>
    public int Segment { get; private set; }

    /// <summary>Where it begins there.</summary>
    public long Offset { get; private set; }

    /// <summary>Its length in bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether another record may be added.</summary>
    public bool HasRoom => Bytes < MaxBytes && _text.Length - _used >= MostText;

    /// <summary>What it holds, in order.</summary>
    public IReadOnlyList<JournalAppend> Appends => _appends;

    /// <summary>Begins a new one.</summary>
    public void Begin(int segment, long offset)
    {
        (Segment, Offset, Bytes) = (segment, offset, 0);
        (_cut, _used) = (0, 0);
        _appends.Clear();
        _parts.Clear();
    }

    /// <summary>Adds a record, to which there has to be room.</summary>
    public void Add(JournalAppend append)
    {
        // First of all: what is in the batch is told if anything goes wrong.
        _appends.Add(append);
        var (head, payload) = (append.Head, append.Payload);
        append.Address = new JournalAddress(Segment, Offset + Bytes, head.Length, payload.Length);
        var sum = JournalLine.Add(JournalLine.Add(JournalLine.Add(JournalLine.EmptySum, head.Span), payload.Span), "\n"u8);
        _used += JournalLine.WritePrefix(_text.AsSpan(_used), append.Address, sum);
        Put(head);
        Put(payload);
        _text[_used++] = (byte)'\n';
        Bytes += append.Address.Length;
    }

    /// <summary>All that is to be written, in order.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> End()
    {
        CutText();
        return _parts;
    }

    private void Put(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length > LongestCopy)
        {
            CutText();
            _parts.Add(bytes);
            return;
        }

        bytes.CopyTo(_text.AsMemory(_used));
        _used += bytes.Length;
    }

    private void CutText()
    {
        if (_used > _cut)
        {
            _parts.Add(_text.AsMemory(_cut.._used));
            _cut = _used;
        }
    }
}
