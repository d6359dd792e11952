using System.Text;
using FunctionsApp.Core.Tasks.Embedded;

namespace FunctionsApp.Core.Tests.Tasks.Embedded;

public sealed class JournalLineTests : JournalTestBase
{
    [Theory]
    [InlineData("123456789", 0xe3069283)]
    [InlineData("", 0)]
    public void The_checksum_is_CRC_32C(string text, uint expected) =>
        Assert.Equal(expected, JournalLine.Add(JournalLine.EmptySum, Bytes(text)));

    [Fact]
    public void A_checksum_is_the_same_however_the_text_is_cut()
    {
        var text = Bytes("The quick brown fox jumps over the lazy dog.");
        var whole = JournalLine.Add(JournalLine.EmptySum, text);

        Assert.All(Enumerable.Range(0, text.Length + 1), cut =>
            Assert.Equal(whole, JournalLine.Add(JournalLine.Add(JournalLine.EmptySum, text.AsSpan(0, cut)), text.AsSpan(cut))));
    }

    [Fact]
    public async Task A_record_is_a_line_that_people_can_read()
    {
        await WriteAsync([("{\"a\":1}", "some\npayload")]);

        var line = Text(await File.ReadAllBytesAsync(Segments.Single()));
        Assert.Matches("^[0-9a-f]{8} [0-9a-f]{8} 7 12 \\{\"a\":1\\}some\npayload\n$", line);
        Assert.Equal(JournalLine.Add(JournalLine.EmptySum, Bytes("{\"a\":1}some\npayload\n")), Convert.ToUInt32(line[9..17], 16));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(9, 10)]
    [InlineData(99, 100)]
    [InlineData(1_000_000_000, 1_000_000_000)]
    [InlineData(int.MaxValue - 100, 0)]
    public void A_prefix_says_where_the_record_is(int headLength, int payloadLength)
    {
        var address = new JournalAddress(3, 12_345_678_901, headLength, payloadLength);
        var text = new byte[JournalLine.LongestPrefix + 5];
        var length = JournalLine.WritePrefix(text, address, 0x0012abcd);

        Assert.Equal(JournalLine.PrefixLength(headLength, payloadLength), length);
        Assert.Equal(length + headLength + payloadLength + 1, address.Length);
        Assert.True(JournalLine.TryReadPrefix(text, 3, 12_345_678_901, out var found, out var checksum));
        Assert.Equal((address, 0x0012abcdu), (found, checksum));
    }

    [Theory]
    [InlineData(4, 100)]
    [InlineData(3, 101)]
    public void A_prefix_is_none_elsewhere(int segment, long offset)
    {
        var text = new byte[JournalLine.LongestPrefix];
        JournalLine.WritePrefix(text, new JournalAddress(3, 100, 7, 5), checksum: 9);

        Assert.True(JournalLine.TryReadPrefix(text, 3, 100, out _, out _));
        Assert.False(JournalLine.TryReadPrefix(text, segment, offset, out _, out _));
    }

    [Fact]
    public void A_prefix_that_is_cut_short_is_none()
    {
        var text = new byte[JournalLine.LongestPrefix];
        var length = JournalLine.WritePrefix(text, new JournalAddress(3, 100, 7, 50), checksum: 9);

        Assert.True(JournalLine.TryReadPrefix(text.AsSpan(0, length), 3, 100, out _, out _));
        Assert.All(Enumerable.Range(0, length), cut => Assert.False(JournalLine.TryReadPrefix(text.AsSpan(0, cut), 3, 100, out _, out _)));
    }

    [Theory]
    [InlineData("00000000 00000000 1 1 ")]
    [InlineData("00000000 00000000 -1 1 ")]
    [InlineData("00000000 00000000 2147483647 2147483647 ")]
    [InlineData("00000000 00000000 99999999999999 1 ")]
    [InlineData("00000000 00000000 1")]
    [InlineData("00000000 00000000 1 1")]
    [InlineData("00000000 0000000g 1 1 ")]
    [InlineData("00000000000000000000000000000000")]
    public void What_merely_looks_like_a_prefix_is_none(string text) =>
        Assert.False(JournalLine.TryReadPrefix(Encoding.ASCII.GetBytes(text), 1, 0, out _, out _));
}
