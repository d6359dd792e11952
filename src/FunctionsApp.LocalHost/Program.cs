using FunctionsApp.LocalHost;

return await LocalFunctionsHost.RunAsync(args);
