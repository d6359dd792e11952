using System.Net.Http.Headers;
using System.Text;
using FunctionsApp.Core.Outbound;

namespace FunctionsApp.Core.Tests.Outbound;

public sealed class ContentTextTests
{
    /// <summary>The charset, the bytes in hexadecimal, and the text. Marks: https://encoding.spec.whatwg.org/#decode.</summary>
    [Theory]
    [InlineData(null, "6DC3BC", "mü")]
    [InlineData("utf8", "6DC3BC", "mü")]
    [InlineData("\"UTF-8\"", "6DC3BC", "mü")]
    [InlineData("nonsense", "6DC3BC", "mü")]
    [InlineData("utf-7", "2B414B772D", "+AKw-")]
    [InlineData("iso-8859-1", "6DFC", "mü")]
    [InlineData("windows-1252", "80", "€")]
    [InlineData("koi8-r", "C1", "а")]
    [InlineData("shift_jis", "93FA", "日")]
    [InlineData("gb18030", "9439CE38", "🐶")]
    [InlineData("utf-16", "6D00FC00", "mü")]
    [InlineData("utf-16le", "6D00FC00", "mü")]
    [InlineData("utf-16be", "006D00FC", "mü")]
    [InlineData("utf-16", "FFFE6D00", "m")]
    [InlineData("utf-16", "FEFF006D", "m")]
    [InlineData("utf-32", "FFFE00006D000000", "m")]
    [InlineData(null, "EFBBBF6D", "m")]
    [InlineData(null, "FFFE6D00", "m")]
    [InlineData(null, "FEFF006D", "m")]
    [InlineData("iso-8859-1", "EFBBBFC3BC", "ü")]
    [InlineData("utf-8", "EFBBBFEFBBBF6D", "\uFEFFm")]
    [InlineData("utf-8", "6DFF6D", "m\uFFFDm")]
    [InlineData("utf-8", "E697", "\uFFFD")]
    [InlineData("us-ascii", "6DFC", "m\uFFFD")]
    [InlineData("shift_jis", "93FA81", "日\uFFFD")]
    [InlineData("utf-16", "6D0000D8", "m\uFFFD")]
    [InlineData("utf-16", "6D006D", "m\uFFFD")]
    public void A_text_is_decoded_by_its_mark_then_by_its_charset_then_as_UTF_8(string? charset, string hex, string text)
    {
        var type = charset is null ? null : new MediaTypeHeaderValue("text/plain") { CharSet = charset };

        Assert.Equal(text, ContentText.Decode(Convert.FromHexString(hex), type));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("EF", true)]
    [InlineData("EFBB", true)]
    [InlineData("EFBBBF", false)]
    [InlineData("FF", true)]
    [InlineData("FFFE", false)]
    [InlineData("FE", true)]
    [InlineData("61", false)]
    [InlineData("C3", false)]
    public void A_reader_waits_only_for_the_rest_of_a_mark(string hex, bool waits) =>
        Assert.Equal(waits, ContentText.MayBeMark(Convert.FromHexString(hex)));

    [Fact]
    public void A_named_encoding_refuses_characters_that_it_lacks()
    {
        var encoding = ContentText.Named(new MediaTypeHeaderValue("text/plain") { CharSet = "windows-1252" })!;

        Assert.Throws<EncoderFallbackException>(() => encoding.GetBytes("ā"));
    }
}
