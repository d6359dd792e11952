using System.Text;
using FunctionsApp.Core.Webhooks;

namespace FunctionsApp.Core.Tests.Webhooks;

public sealed class SigningKeyTests
{
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// <summary>The first is the value that the reference libraries of Standard Webhooks test themselves with; the others are openssl's.</summary>
    [Theory]
    [InlineData(Key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", """{"test": 2432232314}""", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
    [InlineData(Key, "msg_1", "0", "", "v1,ij2G0S51rXTp+PMwqJOjeWFLEpktT32X6cQ9P08rbws=")]
    [InlineData("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==", "msg_ä", "1700000000", """{"name":"Zoë"}""", "v1,2ftmYkP9A4b2NbxkTcL9eSHPf+46tmT4+uECfGrqgmQ=")]
    public void A_message_has_the_same_signature_as_other_implementations_compute(string key, string id, string timestamp, string body, string signature) =>
        Assert.Equal(signature, SigningKey.Parse(key).Sign(id, timestamp, Encoding.UTF8.GetBytes(body)));

    [Fact]
    public void A_new_key_is_one_of_32_bytes_and_differs_each_time()
    {
        var key = SigningKey.Generate();

        Assert.Null(SigningKey.FindError(key));
        Assert.Equal(32, Convert.FromBase64String(key["whsec_".Length..]).Length);
        Assert.NotEqual(key, SigningKey.Generate());
        Assert.True(WebhookVerifier.Verify(key, "msg_1", "1700000000", SigningKey.Parse(key).Sign("msg_1", "1700000000", "{}"u8), "{}"u8));
    }

    [Theory]
    [InlineData(null, "does not start with whsec_")]
    [InlineData("", "does not start with whsec_")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not start with whsec_")]
    [InlineData("WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not start with whsec_")]
    [InlineData("whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not start with whsec_")]
    [InlineData(" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "does not start with whsec_")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa*w", "is not base64 after whsec_")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwA", "is not base64 after whsec_")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8I LPZIo2LaLaSw", "is not base64 after whsec_")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", "is not base64 after whsec_")]
    [InlineData("whsec_", "has 0 bytes, not 24 to 64")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ=", "has 23 bytes, not 24 to 64")]
    public void An_invalid_key_is_reported_without_its_text(string? text, string error) => Assert.Equal(error, SigningKey.FindError(text));

    [Theory]
    [InlineData(24, null)]
    [InlineData(64, null)]
    [InlineData(65, "has 65 bytes, not 24 to 64")]
    public void A_key_has_24_to_64_bytes(int bytes, string? error) =>
        Assert.Equal(error, SigningKey.FindError("whsec_" + Convert.ToBase64String(new byte[bytes])));
}
