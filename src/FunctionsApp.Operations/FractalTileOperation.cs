using System.Buffers.Binary;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Numerics;
using FunctionsApp.Core.Json;
using FunctionsApp.Core.Operations;

namespace FunctionsApp.Operations;

/// <summary>Input of <c>fractal.tile</c>: a picture of the complex plane, and the tile to compute.</summary>
public sealed record FractalTileInput(
    [property: Description("The real part of the picture's centre."), Range(-1_000_000, 1_000_000)] double CenterX,
    [property: Description("The imaginary part of the picture's centre."), Range(-1_000_000, 1_000_000)] double CenterY,
    [property: Description("The width of the whole picture in the complex plane."), Range(1e-15, 1e6)] double Scale,
    [property: Description("The tile's column, counted from 0 at the left."), Range(0, 4_095)] int Column,
    [property: Description("The tile's row, counted from 0 at the top."), Range(0, 4_095)] int Row,
    [property: Description("The picture's width in tiles."), Range(1, 4_096)] int Columns,
    [property: Description("The picture's height in tiles."), Range(1, 4_096)] int Rows,
    [property: Description("The width and height of a tile in pixels."), Range(1, 1_024)] int Size,
    [property: Description("The maximum number of iterations."), Range(1, 65_535)] int MaxIterations = 1_000) : ICrossChecked
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

/// <summary>Output of <c>fractal.tile</c>.</summary>
/// <param name="Column">The column of the input.</param>
/// <param name="Row">The row of the input.</param>
/// <param name="Size">The size of the input.</param>
/// <param name="Iterations">
/// The number of steps until each pixel leaves the circle of radius 2, or
/// <see cref="FractalTileInput.MaxIterations"/> if it stays. Row by row from the top left; unsigned 16-bit integers, little-endian.
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
                    BinaryPrimitives.WriteUInt16LittleEndian(
                        iterations.AsSpan(((y * size) + x + lane) * sizeof(ushort)), (ushort)steps[lane]);
                }
            }
        }

        return new FractalTileOutput(input.Column, input.Row, size, iterations);
    }

    /// <summary>Iterates z → z² + c from 0, and counts the steps before |z| first exceeds 2.</summary>
    private static Vector<long> StepsToEscape(Vector<double> real, Vector<double> imaginary, int maxIterations)
    {
        // The number of steps between checks for cycles.
        const int Interval = 32;

        var limit = new Vector<double>(4);
        var (x, y, xx, yy) = (Vector<double>.Zero, Vector<double>.Zero, Vector<double>.Zero, Vector<double>.Zero);
        var (oldX, oldY) = (x, y);
        var (steps, inside) = (Vector<long>.Zero, Vector<long>.AllBitsSet);
        for (var i = 1; i <= maxIterations; i++)
        {
            // All bits of a lane are set, which is -1, until its point has escaped or is known to stay.
            inside &= Vector.LessThanOrEqual(xx + yy, limit);
            if (inside == Vector<long>.Zero)
            {
                break;
            }

            steps -= inside;
            y = ((x + x) * y) + imaginary;
            x = xx - yy + real;
            xx = x * x;
            yy = y * y;

            // An orbit that returns to exactly the same point is a cycle and never escapes (R. P. Brent's cycle detection).
            if (i % Interval == 0)
            {
                var cycle = inside & Vector.Equals(x, oldX) & Vector.Equals(y, oldY);
                steps = Vector.ConditionalSelect(cycle, new Vector<long>(maxIterations), steps);
                inside &= ~cycle;
                (oldX, oldY) = BitOperations.IsPow2(i) ? (x, y) : (oldX, oldY);
            }
        }

        return steps;
    }
}
