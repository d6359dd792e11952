using System.Buffers.Binary;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Numerics;
using FunctionsApp.Core.Json;

namespace FunctionsApp.Core.Operations.BuiltIn;

/// <summary>Input of <c>fractal.tile</c>: a picture of the complex plane, and which of its tiles to compute.</summary>
/// <param name="CenterX">The real part of the picture's centre, -1,000,000 to 1,000,000.</param>
/// <param name="CenterY">The imaginary part of the picture's centre, -1,000,000 to 1,000,000.</param>
/// <param name="Scale">The width of the whole picture in the complex plane, 1e-15 to 1,000,000.</param>
/// <param name="Column">The tile's column, counted from 0 at the left.</param>
/// <param name="Row">The tile's row, counted from 0 at the top.</param>
/// <param name="Columns">The picture's width in tiles, 1 to 4,096.</param>
/// <param name="Rows">The picture's height in tiles, 1 to 4,096.</param>
/// <param name="Size">The width and height of a tile in pixels, 1 to 1,024.</param>
/// <param name="MaxIterations">Where counting ends, 1 to 65,535.</param>
public sealed record FractalTileInput(
    [property: Description("The real part of the picture's centre."), Range(-1_000_000, 1_000_000)] double CenterX,
    [property: Description("The imaginary part of the picture's centre."), Range(-1_000_000, 1_000_000)] double CenterY,
    [property: Description("The width of the whole picture in the complex plane."), Range(1e-15, 1e6)] double Scale,
    [property: Description("The tile's column, counted from 0 at the left."), Range(0, 4_095)] int Column,
    [property: Description("The tile's row, counted from 0 at the top."), Range(0, 4_095)] int Row,
    [property: Description("The picture's width in tiles."), Range(1, 4_096)] int Columns,
    [property: Description("The picture's height in tiles."), Range(1, 4_096)] int Rows,
    [property: Description("The width and height of a tile in pixels."), Range(1, 1_024)] int Size,
    [property: Description("Where counting ends."), Range(1, 65_535)] int MaxIterations = 1_000) : ICrossChecked
{
    /// <inheritdoc/>
    public IEnumerable<(string Property, string Message)> Check()
    {
        if (Column >= Columns)
        {
            yield return ("column", "must be less than columns");
        }

        if (Row >= Rows)
        {
            yield return ("row", "must be less than rows");
        }
    }
}

/// <summary>What <c>fractal.tile</c> computes.</summary>
/// <param name="Column">As asked for.</param>
/// <param name="Row">As asked for.</param>
/// <param name="Size">As asked for.</param>
/// <param name="Iterations">
/// For each pixel, row by row from the top left, how many steps it takes to leave the circle of radius 2, or
/// <see cref="FractalTileInput.MaxIterations"/> if it stays: unsigned 16-bit integers, little-endian.
/// </param>
public sealed record FractalTileOutput(int Column, int Row, int Size, byte[] Iterations);

/// <summary>Computes a tile of the Mandelbrot set by escape time, several pixels at once.</summary>
[Operation("fractal.tile", "Computes a square tile of a picture of the Mandelbrot set.",
    Example = """{"centerX":-0.75,"centerY":0,"scale":3,"column":0,"row":0,"columns":2,"rows":2,"size":16}""")]
public sealed class FractalTileOperation : ICpuOperation<FractalTileInput, FractalTileOutput>
{
    private static readonly Vector<double> Lanes = Vector.CreateSequence(0.0, 1.0);

    /// <inheritdoc/>
    public FractalTileOutput Compute(FractalTileInput input, CancellationToken cancellationToken)
    {
        var size = input.Size;
        var pitch = input.Scale / (input.Columns * size);

        // From the picture's centre to the centre of the tile's first pixel, in pixels.
        var left = (input.Column * size) + 0.5 - (input.Columns * size / 2.0);
        var top = (input.Row * size) + 0.5 - (input.Rows * size / 2.0);
        var iterations = new byte[size * size * sizeof(ushort)];
        for (var y = 0; y < size; y++)
        {
            var imaginary = new Vector<double>(input.CenterY - ((top + y) * pitch));
            for (var x = 0; x < size; x += Vector<double>.Count)
            {
                // A point may take 65,535 steps, so a whole row could take too long.
                cancellationToken.ThrowIfCancellationRequested();
                var real = new Vector<double>(input.CenterX) + ((new Vector<double>(left + x) + Lanes) * pitch);
                var steps = StepsToEscape(real, imaginary, input.MaxIterations);
                for (var lane = 0; lane < Math.Min(Vector<double>.Count, size - x); lane++)
                {
                    var pixel = iterations.AsSpan(((y * size) + x + lane) * sizeof(ushort));
                    BinaryPrimitives.WriteUInt16LittleEndian(pixel, (ushort)steps[lane]);
                }
            }
        }

        return new FractalTileOutput(input.Column, input.Row, size, iterations);
    }

    /// <summary>Iterates z → z² + c from 0, and counts the steps for which |z| is at most 2.</summary>
    private static Vector<long> StepsToEscape(Vector<double> real, Vector<double> imaginary, int maxIterations)
    {
        var limit = new Vector<double>(4);
        var (x, y, xx, yy) = (Vector<double>.Zero, Vector<double>.Zero, Vector<double>.Zero, Vector<double>.Zero);
        var steps = Vector<long>.Zero;
        for (var i = 0; i < maxIterations; i++)
        {
            // All bits of a lane are set, which makes -1, until its point has escaped; it never comes back.
            var inside = Vector.LessThanOrEqual(xx + yy, limit);
            if (inside == Vector<long>.Zero)
            {
                break;
            }

            steps -= inside;
            y = ((x + x) * y) + imaginary;
            x = xx - yy + real;
            xx = x * x;
            yy = y * y;
        }

        return steps;
    }
}
