using System.Security.Cryptography;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace FunctionsApp.Operations.Tests;

public class HashOperationTests
{
    private static readonly Gen<HashInput> Inputs =
        from algorithm in Gen.Elements("md5", "sha1", "sha256", "sha384", "sha512")
        from length in Gen.OneOf(Gen.Choose(0, 300), Gen.Choose(0, 300_000))
        from seed in Gen.Choose(0, int.MaxValue)
        select new HashInput(Base64: RandomBytes(length, seed), Algorithm: algorithm);

    private const string TwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

    // md5: RFC 1321, appendix A.5. The others: NIST, "Examples with Intermediate Values" for FIPS 180-4; nothing at all is of
    // the test vectors of its validation program (SHA256ShortMsg.rsp).
    [Theory]
    [InlineData("md5", "", "d41d8cd98f00b204e9800998ecf8427e")]
    [InlineData("md5", "abc", "900150983cd24fb0d6963f7d28e17f72")]
    [InlineData("md5", "message digest", "f96b697d7cb7938d525a2f31aaf161d0")]
    [InlineData("sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d")]
    [InlineData("sha1", TwoBlocks, "84983e441c3bd26ebaae4aa1f95129e5e54670f1")]
    [InlineData("sha256", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("sha256", TwoBlocks, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    [InlineData("sha384", "abc", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7")]
    [InlineData("sha512", "abc",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")]
    public void Hashes_text_as_published(string algorithm, string text, string expected)
    {
        Assert.Equal(expected, new HashOperation().Compute(new HashInput(text, Algorithm: algorithm), default));
    }

    // NIST, FIPS 180-2, appendices A.3, B.3, D.3 and C.3: a million times "a".
    [Theory]
    [InlineData("sha1", "34aa973cd4c4daa4f61eeb2bdbad27316534016f")]
    [InlineData("sha256", "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")]
    [InlineData("sha384", "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985")]
    [InlineData("sha512",
        "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b")]
    public void Hashes_data_longer_than_a_block(string algorithm, string expected)
    {
        Assert.Equal(expected, new HashOperation().Compute(new HashInput(new string('a', 1_000_000), Algorithm: algorithm), default));
    }

    [Fact]
    public void Hashes_bytes_as_the_framework_does_in_one_go() => Prop.ForAll(
        Inputs.ToArbitrary(),
        static input =>
        {
            var algorithm = new HashAlgorithmName(input.Algorithm.ToUpperInvariant());

            Assert.Equal(
                Convert.ToHexStringLower(CryptographicOperations.HashData(algorithm, input.Base64!)),
                new HashOperation().Compute(input, default));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Takes_text_as_utf8()
    {
        Assert.Equal(
            new HashOperation().Compute(new HashInput(Base64: Encoding.UTF8.GetBytes("Grüße 👋")), default),
            new HashOperation().Compute(new HashInput("Grüße 👋"), default));
    }

    [Fact]
    public void Needs_either_text_or_base64()
    {
        Assert.Single(new HashInput().Check());
        Assert.Single(new HashInput("", []).Check());
        Assert.Empty(new HashInput("").Check());
        Assert.Empty(new HashInput(Base64: []).Check());
    }

    [Fact]
    public void Stops_when_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() => new HashOperation().Compute(new HashInput("abc"), new CancellationToken(canceled: true)));
    }

    private static byte[] RandomBytes(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
