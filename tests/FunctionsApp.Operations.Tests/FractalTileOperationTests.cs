using System.Buffers.Binary;
using System.Numerics;
using FsCheck;
using FsCheck.Fluent;

namespace FunctionsApp.Operations.Tests;

public class FractalTileOperationTests
{
    // Bulbs with cycles of 1, 2, 3, 4 and more steps, their edges, and the tip at -2, whose orbit stays on the circle.
    private static readonly Gen<FractalTileInput> Views =
        from center in Gen.Elements(
            (0.0, 0.0), (-1, 0), (-0.12, 0.75), (-1.31, 0), (0.25, 0), (-0.75, 0.01), (-2, 0), (-1.768, 0), (0.28, 0.53))
        from scale in Gen.Choose(0, 15).Select(static digits => 3 * Math.Pow(10, -digits))
        from size in Gen.Choose(1, 17)
        from maxIterations in Gen.Choose(1, 3_000)
        select new FractalTileInput(center.Item1, center.Item2, scale, 0, 0, 1, 1, size, maxIterations);

    private static readonly FractalTileInput Whole = new(-0.75, 0, 3, 0, 0, 1, 1, 48, 200);

    // D. Boll, 1991 (OEIS A097486; A. Klebanoff, "Pi in the Mandelbrot Set", 2001): the nearer -3/4 + εi is to the neck of the set, the
    // nearer its steps times ε come to π.
    [Theory]
    [InlineData(0.1, 33)]
    [InlineData(0.01, 315)]
    [InlineData(0.001, 3_143)]
    [InlineData(0.0001, 31_417)]
    public void Finds_pi_in_the_neck(double epsilon, int expected)
    {
        Assert.Equal([expected], Steps(At(-0.75, epsilon, maxIterations: 65_535)));
    }

    // OEIS A300078: from below, the neck at -5/4 gives π / 2.
    [Theory]
    [InlineData(0.1, 18)]
    [InlineData(0.01, 159)]
    [InlineData(0.001, 1_586)]
    [InlineData(0.0001, 15_731)]
    public void Finds_half_of_pi_in_another_neck(double epsilon, int expected)
    {
        Assert.Equal([expected], Steps(At(-1.25 - (epsilon * epsilon), epsilon, maxIterations: 65_535)));
    }

    [Theory]
    [InlineData(0, 0, 50)] // stays at 0
    [InlineData(-1, 0, 50)] // 0, -1, 0, -1, …
    [InlineData(-2, 0, 50)] // 0, -2, 2, 2, …, on the circle
    [InlineData(0, 1, 50)] // 0, i, -1 + i, -i, -1 + i, …
    [InlineData(1, 0, 3)] // 0, 1, 2, 5
    [InlineData(2, 0, 2)] // 0, 2, 6
    [InlineData(3, 0, 1)] // 0, 3
    [InlineData(1_000_000, 1_000_000, 1)]
    public void Counts_the_steps_inside_the_circle(double x, double y, int expected)
    {
        Assert.Equal([expected], Steps(At(x, y, maxIterations: 50)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void Agrees_with_complex_arithmetic_one_point_at_a_time(int size)
    {
        var random = new Random(size);
        for (var i = 0; i < 10; i++)
        {
            var (columns, rows) = (random.Next(1, 5), random.Next(1, 5));
            var input = new FractalTileInput(
                (random.NextDouble() * 3) - 2, (random.NextDouble() * 2) - 1, random.NextDouble() * 2,
                random.Next(columns), random.Next(rows), columns, rows, size, random.Next(1, 300));

            Assert.Equal(OneByOne(input), Steps(input));
        }
    }

    [Fact]
    public void Agrees_exactly_with_the_definition_wherever_it_looks() => Prop.ForAll(
        Views.ToArbitrary(),
        static view => Assert.Equal(OneByOne(view), Steps(view))).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [Fact]
    public void Tiles_fit_together()
    {
        var picture = Steps(Whole);
        for (var row = 0; row < 2; row++)
        {
            for (var column = 0; column < 2; column++)
            {
                var tile = Steps(Whole with { Column = column, Row = row, Columns = 2, Rows = 2, Size = 24 });

                Assert.Equal(
                    Enumerable.Range(0, 24 * 24).Select(i => picture[(((row * 24) + (i / 24)) * 48) + (column * 24) + (i % 24)]),
                    tile);
            }
        }
    }

    [Fact]
    public void The_picture_is_its_own_mirror_image()
    {
        var rows = Steps(Whole).Chunk(48).ToArray();

        Assert.Equal(rows, rows.Reverse());
    }

    [Fact]
    public void Rows_run_downward()
    {
        // Of 0.5 + i and 0.5 - 0.1i the upper one, with the greater imaginary part, is gone sooner.
        var steps = Steps(new FractalTileInput(0.5, 0.45, 1.1, 0, 0, 1, 2, 1)).Concat(
            Steps(new FractalTileInput(0.5, 0.45, 1.1, 0, 1, 1, 2, 1)));

        Assert.Equal([2, 5], steps);
    }

    [Fact]
    public void Returns_the_position_of_the_tile()
    {
        var output = new FractalTileOperation().Compute(Whole with { Column = 1, Row = 2, Columns = 3, Rows = 4, Size = 5 }, default);

        Assert.Equal((1, 2, 5, 5 * 5 * 2), (output.Column, output.Row, output.Size, output.Iterations.Length));
    }

    [Fact]
    public void A_tile_must_lie_in_the_picture()
    {
        Assert.Empty(Whole.Check());
        Assert.Equal(
            [("column", "must be less than columns"), ("row", "must be less than rows")],
            (Whole with { Column = 1, Row = 1 }).Check());
    }

    [Fact]
    public void Stops_when_cancelled()
    {
        Assert.Throws<OperationCanceledException>(() => new FractalTileOperation().Compute(Whole, new CancellationToken(canceled: true)));
    }

    private static FractalTileInput At(double x, double y, int maxIterations) => new(x, y, 1, 0, 0, 1, 1, 1, maxIterations);

    private static int[] Steps(FractalTileInput input) =>
        [.. new FractalTileOperation().Compute(input, default).Iterations.Chunk(2).Select(bytes => (int)BinaryPrimitives.ReadUInt16LittleEndian(bytes))];

    private static IEnumerable<int> OneByOne(FractalTileInput input)
    {
        var pitch = input.Scale / (input.Columns * input.Size);
        for (var i = 0; i < input.Size * input.Size; i++)
        {
            var x = (input.Column * input.Size) + (i % input.Size) + 0.5 - (input.Columns * input.Size / 2.0);
            var y = (input.Row * input.Size) + (i / input.Size) + 0.5 - (input.Rows * input.Size / 2.0);
            var c = new Complex(input.CenterX + (x * pitch), input.CenterY - (y * pitch));
            var (z, steps) = (Complex.Zero, 0);
            for (; steps < input.MaxIterations && (z.Real * z.Real) + (z.Imaginary * z.Imaginary) <= 4; steps++)
            {
                z = new Complex((z.Real * z.Real) - (z.Imaginary * z.Imaginary) + c.Real, (2 * z.Real * z.Imaginary) + c.Imaginary);
            }

            yield return steps;
        }
    }
}
