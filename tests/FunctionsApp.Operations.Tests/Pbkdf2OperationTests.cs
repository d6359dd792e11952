using System.Security.Cryptography;
using System.Text;

namespace FunctionsApp.Operations.Tests;

public class Pbkdf2OperationTests
{
    // RFC 6070, section 2.
    [Theory]
    [InlineData("password", "salt", 1, 20, "0c60c80f961f0e71f3a9b524af6012062fe037a6")]
    [InlineData("password", "salt", 2, 20, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957")]
    [InlineData("password", "salt", 4096, 20, "4b007901b765489abead49d926f721d065a429c1")]
    [InlineData("passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, 25, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038")]
    [InlineData("pass\0word", "sa\0lt", 4096, 16, "56fa6aa75548099dcc37d7f03425e0c3")]
    public void Derives_keys_with_sha1_as_published(string password, string salt, int iterations, int length, string expected)
    {
        Assert.Equal(expected, Derive(new Pbkdf2Input(password, salt, iterations, length, "sha1")));
        Assert.Equal(expected, Derive(new Pbkdf2Input(
            Iterations: iterations, Length: length, Algorithm: "sha1", PasswordBase64: Encoding.UTF8.GetBytes(password), SaltBase64: Encoding.UTF8.GetBytes(salt))));
    }

    // hashlib.pbkdf2_hmac of Python 3.11, of bytes that are no UTF-8, and of none.
    [Theory]
    [InlineData("", "", 1, "sha256", "f7ce0b653d2d72a4108cf5abe912ffdd777616dbbb27a70e8204f3ae2d0f6fad")]
    [InlineData("p", "/4AA/w==", 3, "sha256", "90fc6f25bd1b6e0d6f00a11543f3fb742195c4219fd384081bcddffdb16faaba")]
    [InlineData("", "gIGCg4SFhoeIiYqLjI2Ojw==", 5, "sha512", "c2f30bb861f9453d57c5809541c32bd61cc373ebe7e707dd1f75ef97b5aeb92d")]
    public void Takes_bytes_that_are_not_text(string password, string salt, int iterations, string algorithm, string expected)
    {
        Assert.Equal(expected, Derive(new Pbkdf2Input(password, Iterations: iterations, Algorithm: algorithm, SaltBase64: Convert.FromBase64String(salt))));
    }

    [Fact]
    public void Takes_a_password_that_is_not_text()
    {
        Assert.Equal("814cccd59a8ada6c16dc3d7e72f2ed60185e4bbd2b86e20f26ad8926e130fb33", Derive(new Pbkdf2Input(Salt: "salt", Iterations: 2, PasswordBase64: [0xff, 0x00, 0x80])));
    }

    [Fact]
    public void Needs_one_password_and_one_salt()
    {
        Assert.Equal(
            [("password", "is required, unless passwordBase64 is given"), ("salt", "is required, unless saltBase64 is given")],
            new Pbkdf2Input().Check());
        Assert.Equal(
            [("passwordBase64", "must not be given with password"), ("saltBase64", "must not be given with salt")],
            new Pbkdf2Input("", "", PasswordBase64: [], SaltBase64: []).Check());
        Assert.Empty(new Pbkdf2Input("", SaltBase64: []).Check());
        Assert.Empty(new Pbkdf2Input(Salt: "", PasswordBase64: []).Check());
    }

    // RFC 7914, section 11. The second is long enough to be computed interruptibly.
    [Theory]
    [InlineData("passwd", "salt", 1,
        "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")]
    [InlineData("Password", "NaCl", 80_000,
        "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d")]
    public void Derives_keys_with_sha256_as_published(string password, string salt, int iterations, string expected)
    {
        Assert.Equal(expected, Derive(new Pbkdf2Input(password, salt, iterations, Length: 64)));
    }

    [Theory]
    [InlineData("SHA1", "")]
    [InlineData("SHA256", "a password that is much longer than the block of any of the hash functions, which is 128 bytes for sha512, and so is hashed first.")]
    [InlineData("SHA384", "p")]
    [InlineData("SHA512", "pässword")]
    public void Its_own_derivation_agrees_with_the_framework(string algorithm, string password)
    {
        var name = new HashAlgorithmName(algorithm);
        var key = Encoding.UTF8.GetBytes(password);
        foreach (var (iterations, length) in new[] { (1, 1), (2, 64), (100, 32), (7, 1_024) })
        {
            using var hmac = IncrementalHash.CreateHMAC(name, key);

            Assert.Equal(
                Rfc2898DeriveBytes.Pbkdf2(key, "salt"u8.ToArray(), iterations, name, length),
                Pbkdf2Operation.Derive(hmac, "salt"u8.ToArray(), iterations, length, default));
        }
    }

    [Theory]
    [InlineData(Pbkdf2Operation.MaxUninterrupted, 20, 4)]
    [InlineData(Pbkdf2Operation.MaxUninterrupted + 1, 20, 4)]
    [InlineData((Pbkdf2Operation.MaxUninterrupted / 2) + 1, 21, 4)]
    [InlineData(2, 40, 64 * Pbkdf2Operation.MaxUninterrupted / 2)]
    public void Short_and_long_derivations_agree_with_the_framework(int iterations, int length, int saltLength)
    {
        var salt = new string('s', saltLength);
        var expected = Rfc2898DeriveBytes.Pbkdf2("password", Encoding.UTF8.GetBytes(salt), iterations, HashAlgorithmName.SHA1, length);

        Assert.Equal(
            Convert.ToHexStringLower(expected),
            Derive(new Pbkdf2Input("password", salt, iterations, length, "sha1")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(10_000_000)]
    public void Stops_when_cancelled(int iterations)
    {
        Assert.Throws<OperationCanceledException>(() =>
            new Pbkdf2Operation().Compute(new Pbkdf2Input("password", "salt", iterations), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Stops_a_long_derivation_that_has_begun()
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, "password"u8);

        Assert.Throws<OperationCanceledException>(() =>
            Pbkdf2Operation.Derive(hmac, "salt"u8.ToArray(), 10_000_000, 32, new CancellationToken(canceled: true)));
    }

    private static string Derive(Pbkdf2Input input) => new Pbkdf2Operation().Compute(input, default);
}
