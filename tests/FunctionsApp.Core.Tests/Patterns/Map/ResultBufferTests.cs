using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FunctionsApp.Core.Patterns.Map;

namespace FunctionsApp.Core.Tests.Patterns.Map;

public sealed class ResultBufferTests
{
    /// <summary>Results of all lengths, some dropped, each written in parts.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Results_follow_each_other_without_the_dropped_ones(bool hasCommas) =>
        Prop.ForAll((from length in Gen.OneOf(Gen.Choose(1, 30), Gen.Choose(1, 5_000), Gen.Choose(60_000, 200_000)) from drops in Gen.Elements(false, false, true) select (length, drops))
            .ListOf().ToArbitrary(), results =>
        {
            using var buffer = new ResultBuffer(hasCommas);
            var expected = new List<string>();
            foreach (var (length, drops) in results)
            {
                var result = "a" + new string('b', length);
                buffer.Begin();
                for (var rest = Encoding.ASCII.GetBytes(result).AsSpan(); !rest.IsEmpty; rest = rest[Math.Min(rest.Length, 1 + (length / 3))..])
                {
                    buffer.Write(rest[..Math.Min(rest.Length, 1 + (length / 3))]);
                }

                if (drops)
                {
                    buffer.Drop();
                    buffer.Write("n"u8);
                    result = "n";
                }

                expected.Add(result);
            }

            Assert.Equal(string.Join(hasCommas ? "," : "", expected), Encoding.ASCII.GetString(buffer.Written.Span));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
}
